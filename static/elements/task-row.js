// A task in one line of a list: state, flow, what it says, how long it took, when it came.

import { h } from '../dom.js';
import { ago, duration, isEnded, moment, shortId } from '../format.js';
import { statusWords, text } from '../text.js';
import { titleOf } from '../flows.js';
import { toTask } from '../route.js';
import { stateMark } from './state-badge.js';

/** What is shown of it: when this is the same, nothing needs to be drawn. Times go on by themselves, so they belong to it. */
export function rowKey(item, now) {
  return JSON.stringify([item.task_id, titleOf(item.flow), item.state, item.status, item.progress, ago(item.created_at, now), item.tags]);
}

export function taskRow(item, now, { isOfOneFlow = false } = {}) {
  const took = item.ended_at && item.started_at ? duration(new Date(item.ended_at) - new Date(item.started_at)) : '';
  const running = !isEnded(item.state) && item.progress > 0 ? `${item.progress} %` : '';
  return [
    stateMark(item.state),
    h('a', { class: 'recent-link', href: toTask(item.task_id) },
      isOfOneFlow ? null : h('span', { class: 'recent-title' }, titleOf(item.flow)), ' ', h('span', { class: 'id' }, shortId(item.task_id))),
    h('span', { class: 'recent-status' }, item.tags?.map((tag) => h('span', { class: 'tag is-small' }, tag)), statusWords(item.status)),
    h('span', { class: 'recent-took' }, running || took),
    h('time', { class: 'recent-ago', datetime: item.created_at, title: `${text.task.created}: ${moment(item.created_at)}` }, ago(item.created_at, now)),
  ];
}
