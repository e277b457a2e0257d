// A tree of JSON that opens by and by: what is closed is not even made.

import { h } from '../dom.js';
import { inWords, isExact, isPlain } from '../exact.js';
import { text } from '../text.js';

const MOST_CHILDREN = 200;

export function dataTree(value, isOpen = true) {
  if (isPlain(value)) return scalar(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return h('span', { class: 'data-none' }, Array.isArray(value) ? '[ ]' : '{ }');
  const count = Array.isArray(value) ? text.data.items(entries.length) : text.data.fields(entries.length);
  const node = h('details', { class: 'tree' }, h('summary', {}, count));
  const open = () => {
    if (!node.open || node.children.length > 1) return;
    node.append(h('ul', { class: 'tree-items' }, entries.slice(0, MOST_CHILDREN).map(([name, child]) =>
      h('li', {}, h('span', { class: 'tree-key' }, name), dataTree(child, false)))));
    if (entries.length > MOST_CHILDREN) node.append(h('p', { class: 'data-more' }, text.data.moreRows(entries.length - MOST_CHILDREN)));
  };
  node.addEventListener('toggle', open);
  node.open = isOpen;
  open();
  return node;
}

export function scalar(value) {
  if (value === null || value === undefined) return h('span', { class: 'data-none' }, text.data.none);
  if (typeof value === 'boolean') return h('span', { class: 'data-word' }, value ? text.data.yes : text.data.no);
  if (typeof value === 'number' || isExact(value)) return h('span', { class: 'data-number' }, inWords(value));
  return h('span', { class: 'data-string' }, String(value));
}
