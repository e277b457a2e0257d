// What a task is besides what it does: its inputs, times, kin.

import { h } from '../dom.js';
import { moment, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import './data-view.js';

export function taskFacts(record) {
  const inputs = record.input;
  const isEmpty = inputs === undefined || inputs === null || Object.keys(inputs).length === 0;
  const link = (id) => (id ? h('a', { href: toTask(id), class: 'id' }, shortId(id)) : null);
  const facts = [
    [text.task.id, copyable(record.task_id)],
    [text.task.created, moment(record.created_at)],
    [text.task.ended, record.ended_at ? moment(record.ended_at) : null],
    [text.task.worker, record.worker],
    [text.task.tags, record.tags?.length ? record.tags.join(', ') : null],
    [text.task.retryOf, link(record.retry_of)],
    [text.task.parent, link(record.parent)],
    [text.task.takeovers, record.takeovers || null],
  ];
  return [
    isEmpty ? null : h('details', { class: 'panel fold', open: true }, h('summary', {}, text.task.inputs), h('data-view', { '.value': inputs })),
    h('details', { class: 'panel fold', open: true }, h('summary', {}, text.task.details),
      h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))),
  ];
}

function copyable(id) {
  const button = h('button', { type: 'button', class: 'button is-quiet is-small' }, text.task.copy);
  button.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(id);
    button.textContent = text.task.copied;
    setTimeout(() => { button.textContent = text.task.copy; }, 1500);
  });
  return [h('code', { class: 'whole-id' }, id), button];
}
