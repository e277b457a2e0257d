// A table out of a list of objects, or of a list of lists of the same length.

import { h } from '../dom.js';
import { humanize } from '../format.js';
import { isExact, isPlain, isRecord } from '../exact.js';
import { safeAddress } from '../markdown/address.js';
import { text } from '../text.js';
import { dataTree, scalar } from './data-tree.js';

const MOST_ROWS = 200;
const MOST_COLUMNS = 12;

/** Whether a table says it better than a tree. */
export function isTabular(value) {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (value.every(Array.isArray)) {
    const width = value[0].length;
    return width > 1 && width <= MOST_COLUMNS && value.every((row) => row.length === width && row.every(isPlain));
  }
  return value.every(isRecord) && columnsOf(value).length > 0 && columnsOf(value).length <= MOST_COLUMNS;
}

export function dataTable(rows) {
  const isPositional = Array.isArray(rows[0]);
  const columns = isPositional ? rows[0].map((_, at) => at) : columnsOf(rows);
  const isNumeric = (column) => rows.every((row) => typeof row[column] === 'number' || isExact(row[column]));
  const numeric = new Set(columns.filter(isNumeric));
  const cellClass = (column) => (numeric.has(column) ? 'is-numeric' : null);
  const head = isPositional ? null
    : h('thead', {}, h('tr', {}, columns.map((name) => h('th', { scope: 'col', class: cellClass(name) }, humanize(name)))));
  const body = h('tbody', {}, rows.slice(0, MOST_ROWS).map((row) =>
    h('tr', {}, columns.map((column) => h('td', { class: cellClass(column) }, cell(row[column]))))));
  const more = rows.length > MOST_ROWS ? h('p', { class: 'data-more' }, text.data.moreRows(rows.length - MOST_ROWS)) : null;
  return h('div', {}, h('div', { class: 'table-around', tabindex: '0', role: 'group' }, h('table', { class: 'table' }, head, body)), more);
}

function cell(value) {
  if (value === undefined) return '';
  if (typeof value === 'string') return link(value) ?? value;
  return isPlain(value) ? scalar(value) : dataTree(value);
}

/** Only a web address is made a link: nothing else may run. */
export function link(value) {
  const href = value.length < 2000 && /^https?:/i.test(value) ? safeAddress(value) : null;
  return href && h('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, value);
}

function columnsOf(rows) {
  return [...new Set(rows.slice(0, MOST_ROWS).flatMap((row) => Object.keys(row)))];
}
