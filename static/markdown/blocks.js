// Reads Markdown into blocks, each with the text that it was made of: while a text grows, only its last blocks change.
//
// A block is `{ kind, source, … }`. What is not understood is a paragraph.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const BLANK = /^\s*$/;

export function blocksOf(text) {
  const lines = text.split('\n');
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (BLANK.test(lines[at])) {
      at += 1;
      continue;
    }
    const block = fence(lines, at) ?? heading(lines, at) ?? rule(lines, at) ?? quote(lines, at) ?? list(lines, at) ?? table(lines, at)
      ?? paragraph(lines, at);
    block.source = lines.slice(at, block.end).join('\n');
    blocks.push(block);
    at = block.end;
  }
  return blocks;
}

function fence(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  const [, marks, info] = open;
  let end = at + 1;
  const closes = (line) => new RegExp(`^ {0,3}${marks[0] === '`' ? '`' : '~'}{${marks.length},}\\s*$`).test(line);
  while (end < lines.length && !closes(lines[end])) end += 1;
  return { kind: 'code', language: info.trim().split(/\s+/)[0] ?? '', code: lines.slice(at + 1, end).join('\n'), end: Math.min(end + 1, lines.length) };
}

function heading(lines, at) {
  const found = HEADING.exec(lines[at]);
  return found ? { kind: 'heading', level: found[1].length, text: found[2], end: at + 1 } : null;
}

function rule(lines, at) {
  return RULE.test(lines[at]) ? { kind: 'rule', end: at + 1 } : null;
}

function quote(lines, at) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && !BLANK.test(lines[end]) && (QUOTE.test(lines[end]) || !begins(lines, end))) end += 1;
  return { kind: 'quote', text: lines.slice(at, end).map((line) => line.replace(QUOTE, '')).join('\n'), end };
}

function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const isOrdered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const found = ITEM.exec(lines[end]);
    if (!found || /\d/.test(found[2]) !== isOrdered || RULE.test(lines[end])) break;
    const inside = found[1].length + found[2].length + 1;
    const item = [found[4]];
    end += 1;
    while (end < lines.length && belongs(lines, end, inside)) {
      item.push(lines[end].replace(new RegExp(`^ {0,${inside + 2}}`), (spaces) => ' '.repeat(Math.max(0, spaces.length - inside))));
      end += 1;
    }
    items.push(item.join('\n').replace(/\s+$/, ''));
    // Empty lines between items are no end of the list.
    let next = end;
    while (next < lines.length && BLANK.test(lines[next])) next += 1;
    if (next < lines.length && next > end && ITEM.test(lines[next])) end = next;
  }
  return { kind: 'list', isOrdered, from: isOrdered ? parseInt(first[2], 10) : null, items, end };
}

/** A line of an item: indented, or the go-on of its paragraph. */
function belongs(lines, at, inside) {
  const line = lines[at];
  if (BLANK.test(line)) {
    let next = at;
    while (next < lines.length && BLANK.test(lines[next])) next += 1;
    return next < lines.length && indent(lines[next]) >= Math.min(inside, 2);
  }
  if (indent(line) >= Math.min(inside, 2)) return true;
  return !begins(lines, at) && !BLANK.test(lines[at - 1]);
}

function indent(line) {
  return /^ */.exec(line)[0].length;
}

function table(lines, at) {
  if (!lines[at].includes('|') || !TABLE_RULE.test(lines[at + 1] ?? '')) return null;
  const head = cells(lines[at]);
  const aligns = cells(lines[at + 1]).map((cell) => (/^:-+:$/.test(cell) ? 'center' : /-:$/.test(cell) ? 'end' : 'start'));
  if (aligns.length !== head.length) return null;
  let end = at + 2;
  while (end < lines.length && !BLANK.test(lines[end]) && lines[end].includes('|')) end += 1;
  return { kind: 'table', head, aligns, rows: lines.slice(at + 2, end).map(cells), end };
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, '').replace(/(^|[^\\])\|$/, '$1');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !BLANK.test(lines[end]) && !begins(lines, end)) end += 1;
  return { kind: 'paragraph', text: lines.slice(at, end).map((line) => line.trim()).join('\n'), end };
}

/** Whether a line begins a block of its own, also right after a paragraph. */
function begins(lines, at) {
  const line = lines[at];
  const item = ITEM.exec(line);
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || Boolean(item && item[4]) || Boolean(table(lines, at));
}
