// Markdown to nodes. The text may come from anybody, so nothing of it is ever read as markup by the browser.

import { h } from '../dom.js';
import { blocksOf } from './blocks.js';
import { inline } from './inline.js';

const DEEPEST = 6;
/** Headings of a text stand below those of the page. */
const FIRST_HEADING = 3;
/** Of a text, to tell whether it is Markdown: looking through a long line takes too long. */
const LOOKED_AT = 4000;

/** The nodes of a text. */
export function markdown(text) {
  return blocksOf(text).map((block) => nodeOf(block, 0));
}

export function nodeOf(block, depth) {
  switch (block.kind) {
    case 'heading': return h(`h${Math.min(6, FIRST_HEADING + block.level - 1)}`, { class: `md-heading is-${block.level}` }, inline(block.text));
    case 'code': return h('pre', { class: 'md-code', tabindex: '0' }, h('code', {}, block.code));
    case 'rule': return h('hr');
    case 'quote': return h('blockquote', {}, inner(block.text, depth));
    case 'list': return list(block, depth);
    case 'table': return table(block);
    default: return h('p', {}, inline(block.text));
  }
}

function inner(text, depth) {
  if (depth >= DEEPEST) return h('p', {}, text);
  return blocksOf(text).map((block) => nodeOf(block, depth + 1));
}

function list({ isOrdered, from, items }, depth) {
  const node = h(isOrdered ? 'ol' : 'ul', { class: 'md-list', start: isOrdered && from !== 1 ? String(from) : null });
  for (const item of items) {
    const task = /^\[([ xX])\]\s+/.exec(item);
    const nodes = inner(task ? item.slice(task[0].length) : item, depth);
    // An item of one line needs no paragraph around it.
    const isOneLine = nodes.length > 0 && nodes[0].tagName === 'P' && !item.includes('\n\n');
    const shown = isOneLine ? [...nodes[0].childNodes, ...nodes.slice(1)] : nodes;
    const box = task ? h('span', { class: 'md-box', role: 'img', 'aria-label': task[1] === ' ' ? '☐' : '☑' }, task[1] === ' ' ? '☐ ' : '☑ ') : null;
    node.append(h('li', {}, box, shown));
  }
  return node;
}

function table({ head, aligns, rows }) {
  const look = (at) => (aligns[at] === 'start' ? null : `is-${aligns[at]}`);
  return h('div', { class: 'table-around', tabindex: '0', role: 'group' },
    h('table', { class: 'table' },
      h('thead', {}, h('tr', {}, head.map((cell, at) => h('th', { scope: 'col', class: look(at) }, inline(cell))))),
      h('tbody', {}, rows.map((row) => h('tr', {}, head.map((_, at) => h('td', { class: look(at) }, inline(row[at] ?? ''))))))));
}

/** Whether a text is likely to be meant as Markdown; else its spaces and lines are kept as they are. */
export function looksLikeMarkdown(whole) {
  const text = whole.slice(0, LOOKED_AT);
  return /^ {0,3}(#{1,6} \S|```|~~~|> \S|[-*+] \S|\d{1,3}[.)] \S)/m.test(text) || /\*\*\S[^*\n]*\*\*|\[[^\]\n]+\]\([^)\s]+\)/.test(text)
    || /^\|.+\|\s*\n\|?\s*:?-{2,}/m.test(text) || /^.+\|.+\n\s*:?-{2,}:?\s*\|/m.test(text);
}
