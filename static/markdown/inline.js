// What stands inside a line of Markdown: code, emphasis, links. Makes nodes and text, never markup.

import { h } from '../dom.js';
import { safeAddress } from './address.js';

const DEEPEST = 8;
/** A paragraph longer than this is no paragraph; looking for marks in it would take too long. */
const LONGEST = 20_000;

/** In the order in which they are tried at each place. Each: what it looks like, and the node that it becomes. */
const RULES = [
  { pattern: /\\([!-/:-@[-`{-~])/y, make: ([, letter]) => letter },
  { pattern: /(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/y, make: ([, , code]) => h('code', {}, code.replace(/^ (.+) $/, '$1')) },
  { pattern: /!\[([^\]\n]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"\n]*")?\)/y, make: ([, label, to], deep) => link(to, label || to, deep) },
  { pattern: /\[((?:[^[\]\\\n]|\\.|\[[^\]\n]*\])+)\]\(<?([^()<>\s]*(?:\([^()\s]*\)[^()\s]*)*)>?(?:\s+"[^"\n]*")?\)/y, make: ([, label, to], deep) => link(to, label, deep) },
  { pattern: /<((?:https?:\/\/|mailto:)[^\s<>]+)>/yi, make: ([, to]) => link(to, to, DEEPEST) },
  { pattern: /(\*\*|__)(?=\S)([\s\S]*?\S)\1/y, make: ([, , inner], deep) => h('strong', {}, inline(inner, deep)) },
  { pattern: /~~(?=\S)([\s\S]*?\S)~~/y, make: ([, inner], deep) => h('del', {}, inline(inner, deep)) },
  { pattern: /\*(?=[^\s*])([^*]*?[^\s*])\*(?!\*)/y, make: ([, inner], deep) => h('em', {}, inline(inner, deep)) },
  { pattern: /\b_(?=[^\s_])([^_]*?[^\s_])_\b/y, make: ([, inner], deep) => h('em', {}, inline(inner, deep)) },
  { pattern: /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}*_]/yi, make: ([to]) => link(to, to, DEEPEST) },
  { pattern: /\n/y, make: () => h('br') },
];
/** Where anything but plain text may begin. */
const BEGINNINGS = /[\\`![<*_~\nh]/gi;

/** The nodes of a text. */
export function inline(text, depth = 0) {
  if (depth >= DEEPEST || text.length > LONGEST) return [text];
  const nodes = [];
  let plain = 0;
  let at = 0;
  while (at < text.length) {
    BEGINNINGS.lastIndex = at;
    const next = BEGINNINGS.exec(text);
    if (!next) break;
    at = next.index;
    const found = match(text, at, depth);
    if (!found) {
      at += 1;
      continue;
    }
    if (at > plain) nodes.push(text.slice(plain, at));
    nodes.push(found.node);
    at += found.length;
    plain = at;
  }
  if (plain < text.length) nodes.push(text.slice(plain));
  return nodes;
}

function match(text, at, depth) {
  // A word that only contains an `h` is the usual case.
  if (/h/i.test(text[at]) && !/^https?:/i.test(text.slice(at, at + 6))) return null;
  for (const { pattern, make } of RULES) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) return { node: make(found, depth + 1), length: found[0].length };
  }
  return null;
}

/** What may not be a link stays the text that it was meant to hide behind. */
function link(to, label, depth) {
  const href = safeAddress(to);
  const shown = label === to ? [label] : inline(label, depth);
  if (!href) return h('span', { class: 'no-link' }, shown);
  return h('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, shown);
}
