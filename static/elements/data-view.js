// <data-view>: any JSON value in the form that suits it: text, Markdown, a table, a record of its fields, or a tree.

import { fill, h } from '../dom.js';
import { inWords, isPlain, parseJson } from '../exact.js';
import { humanize } from '../format.js';
import { text } from '../text.js';
import { looksLikeMarkdown } from '../markdown/render.js';
import { dataTable, isTabular, link } from './data-table.js';
import { dataTree, scalar } from './data-tree.js';
import './markdown-text.js';

const DEEPEST_RECORD = 2;
/** More is a tree, which is made by and by. */
const MOST_FIELDS = 60;
const MOST_TAGS = 100;

export function present(value, depth = 0) {
  if (typeof value === 'string') return written(value);
  if (isPlain(value)) return scalar(value);
  if (isTabular(value)) return dataTable(value);
  if (Array.isArray(value)) return value.length > 0 && value.length <= MOST_TAGS && value.every(isShort) ? tags(value) : dataTree(value);
  const fields = Object.entries(value);
  if (fields.length === 0 || fields.length > MOST_FIELDS || depth >= DEEPEST_RECORD) return dataTree(value);
  if (isBrief(fields)) return inline(fields);
  return h('dl', { class: 'record' }, fields.map(([name, field]) =>
    h('div', { class: 'record-field' }, h('dt', {}, humanize(name)), h('dd', {}, present(field, depth + 1)))));
}

function written(value) {
  if (looksLikeMarkdown(value)) return h('markdown-text', { class: 'data-text is-markdown', '.text': value });
  return h('div', { class: 'data-text' }, value === '' ? text.data.empty : link(value) ?? value);
}

/** What programs hand to models is often JSON in a text. */
function unpacked(value) {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

/** Few short values need one line, not a line each. */
function isBrief(fields) {
  const letters = fields.reduce((sum, [name, value]) => sum + name.length + inWords(value).length, 0);
  return fields.length <= 4 && letters <= 72 && fields.every(([, value]) => isShort(value) || value === null);
}

function inline(fields) {
  return h('dl', { class: 'inline-record' }, fields.map(([name, value]) =>
    h('div', {}, h('dt', {}, humanize(name)), h('dd', {}, isShort(value) ? present(value) : scalar(value)))));
}

function isShort(value) {
  return value !== null && isPlain(value) && inWords(value).length <= 60;
}

function tags(values) {
  return h('ul', { class: 'tags' }, values.map((value) => h('li', { class: 'tag' }, inWords(value))));
}

class DataViewElement extends HTMLElement {
  #shown = null;

  /** Shows a value; nothing changes when it is the same as before. */
  set value(value) {
    const json = JSON.stringify(value);
    if (json === this.#shown) return;
    this.#shown = json;
    this.#draw(unpacked(value));
  }

  #draw(value) {
    const isMarkdown = typeof value === 'string' && looksLikeMarkdown(value);
    const isBare = !isMarkdown && isPlain(value);
    const formatted = present(value);
    const raw = h('pre', { class: 'data-raw', hidden: true, tabindex: '0' });
    const turn = h('button', { type: 'button', class: 'button is-quiet is-small data-turn', 'aria-pressed': 'false' }, isMarkdown ? text.data.source : text.data.raw);
    turn.addEventListener('click', () => {
      raw.textContent ||= isMarkdown ? value : JSON.stringify(value, null, 2);
      raw.hidden = !raw.hidden;
      formatted.hidden = !raw.hidden;
      turn.setAttribute('aria-pressed', String(!raw.hidden));
    });
    fill(this, isBare ? null : turn, formatted, isBare ? null : raw);
  }
}

customElements.define('data-view', DataViewElement);
