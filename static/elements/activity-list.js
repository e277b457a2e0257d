// <activity-list>: what a task has told, in order: log lines, tool results, custom results.
//
// Each snapshot brings the whole list. Only what differs is made anew: new entries at the end, entries that fell out
// at the front, and the results of an attempt that failed, which vanish from the middle.

import { fill, h } from '../dom.js';
import { stepName } from '../format.js';
import { text } from '../text.js';
import './data-view.js';

class ActivityList extends HTMLElement {
  #entries = [];
  #omitted = 0;

  connectedCallback() {
    if (this.list) return;
    this.list = h('ol', { class: 'activity', 'aria-label': text.task.activity });
    this.note = h('p', { class: 'activity-note' });
    fill(this, this.note, this.list);
  }

  show(items, omitted = 0, isEnded = false) {
    const nothing = isEnded ? text.task.noActivityEver : text.task.noActivity;
    this.note.textContent = omitted > 0 ? text.task.omitted(omitted) : items.length === 0 ? nothing : '';
    this.note.hidden = this.note.textContent === '';
    if (omitted > this.#omitted) this.#drop(0, Math.min(omitted - this.#omitted, this.#entries.length));
    this.#omitted = omitted;
    const wanted = items.map((item) => JSON.stringify(item));
    const { front, back } = sameEnds(this.#entries.map((entry) => entry.json), wanted);
    this.#drop(front, this.#entries.length - front - back);
    const fresh = wanted.slice(front, wanted.length - back).map((json, at) => makeEntry(json, items[front + at]));
    const before = this.#entries[front]?.node ?? null;
    for (const entry of fresh) this.list.insertBefore(entry.node, before);
    this.#entries.splice(front, 0, ...fresh);
  }

  #drop(from, count) {
    for (const entry of this.#entries.splice(from, count)) entry.node.remove();
  }
}

/** How many entries are the same at the front and at the back. */
function sameEnds(old, wanted) {
  const most = Math.min(old.length, wanted.length);
  let front = 0;
  while (front < most && old[front] === wanted[front]) front += 1;
  let back = 0;
  while (back < most - front && old[old.length - 1 - back] === wanted[wanted.length - 1 - back]) back += 1;
  return { front, back };
}

function makeEntry(json, item) {
  if (item.type === 'log') return { json, node: logLine(item) };
  if (item.type === 'tool_result') return { json, node: result(item.tool, item.step_name, item.data) };
  if (item.type === 'custom') return { json, node: result(item.name, '', item.data) };
  return { json, node: result(item.type, '', item) };
}

function logLine(item) {
  const level = item.level ?? 'info';
  const classes = `log is-${level}${item.unfinished ? ' is-unfinished' : ''}`;
  return h('li', { class: classes },
    h('span', { class: 'log-mark', role: 'img', 'aria-label': text.log.levels[level] ?? level }),
    h('span', { class: 'log-text' }, item.message,
      item.unfinished ? h('span', { class: 'unseen' }, ` (${text.task.unfinished})`) : null),
    item.step ? h('span', { class: 'log-step' }, stepOf(item)) : null);
}

function stepOf({ step, attempt, unfinished }) {
  return unfinished && attempt ? text.task.attemptOf(stepName(step), attempt) : stepName(step);
}

function result(tool, step, data) {
  return h('li', { class: 'result' },
    h('div', { class: 'result-head' }, h('span', { class: 'result-tool' }, tool), step ? h('span', { class: 'log-step' }, step) : null),
    h('data-view', { '.value': data }));
}

customElements.define('activity-list', ActivityList);
