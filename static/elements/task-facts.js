// What a task is besides what it does: its inputs, times, kin.

import { h } from '../dom.js';
import { moment } from '../format.js';
import { toFlow } from '../route.js';
import { text } from '../text.js';
import { copyButton } from './copy-button.js';
import './data-view.js';
import { usageFacts } from './usage-facts.js';

export function taskFacts(record, usage) {
  const inputs = record.input;
  const isEmpty = inputs === undefined || inputs === null || Object.keys(inputs).length === 0;
  const facts = [
    [text.task.id, h('code', { class: 'whole-id' }, record.task_id)],
    [text.flow.name, h('a', { href: toFlow(record.flow) }, h('code', {}, record.flow))],
    [text.flow.version, String(record.version)],
    [text.options.priority, record.priority === 'normal' ? null : text.options.priorities[record.priority] ?? record.priority],
    [text.task.created, moment(record.created_at)],
    [text.task.due, record.due_at && !record.started_at ? moment(record.due_at) : null],
    [text.task.ended, record.ended_at ? moment(record.ended_at) : null],
    [text.task.worker, record.worker],
    [text.task.tags, record.tags?.length ? tagLinks(record.tags) : null],
    ...usageFacts(usage),
  ];
  return [
    isEmpty ? null : h('details', { class: 'panel fold', open: true }, h('summary', {}, text.task.inputs), h('data-view', { '.value': inputs })),
    h('details', { class: 'panel fold', open: true }, h('summary', {}, text.task.details), h('div', { class: 'fold-tool' }, copyButton(() => record.task_id, text.task.copyId)),
      h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))),
  ];
}

function tagLinks(tags) {
  return h('span', { class: 'tags' }, tags.map((tag) => h('a', { class: 'tag', href: `#/tasks?tag=${encodeURIComponent(tag)}` }, tag)));
}
