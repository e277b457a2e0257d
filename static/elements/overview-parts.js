// The parts of the overview that are not plots: figures, workers with what they run, flows, the store.

import { h } from '../dom.js';
import { titleOf } from '../flows.js';
import { ago, bytes, compact, duration, number, shortId } from '../format.js';
import { toFlow, toTask } from '../route.js';
import { text } from '../text.js';
import { flowRecord } from './flow-card.js';

const RUNNING_SHOWN = 8;

export function tiles(stats) {
  const ended = stats.durations.reduce((sum, flow) => ({ good: sum.good + (flow.succeeded ?? 0), bad: sum.bad + (flow.failed ?? 0) }), { good: 0, bad: 0 });
  const count = (...states) => stats.tasks.filter((one) => states.includes(one.state)).reduce((sum, one) => sum + one.count, 0);
  const waiting = count('waiting', 'WAITING');
  return [
    tile(text.overview.running, `${number(stats.workers.running)} / ${number(stats.workers.concurrency)}`, '#/tasks?state=PROGRESS'),
    tile(text.overview.due, compact(stats.due), '#/tasks?state=PENDING', stats.oldest_due_age_seconds > 5 ? text.overview.oldestAge(duration(stats.oldest_due_age_seconds * 1000)) : ''),
    tile(text.overview.waiting, compact(waiting), '#/tasks?state=WAITING'),
    tile(text.state.FAILURE, ended.good + ended.bad > 0 ? `${number(ended.bad)} / ${number(ended.good + ended.bad)}` : '0', '#/tasks?state=FAILURE', text.overview.ofNewest),
    tile(text.overview.watchers, compact(stats.watchers)),
  ];
}

function tile(name, value, href, note = '') {
  const inner = [h('span', { class: 'tile-value' }, value), h('span', { class: 'tile-name' }, name), note ? h('span', { class: 'tile-note' }, note) : null];
  return href ? h('a', { class: 'tile', href }, inner) : h('div', { class: 'tile' }, inner);
}

export function workerList(workers) {
  if (workers.length === 0) return h('p', { class: 'problem-heading' }, text.overview.noWorkers);
  return h('ul', { class: 'workers' }, workers.map((worker) => h('li', { class: 'worker' },
    h('div', { class: 'worker-head' }, h('code', {}, worker.id), worker.draining ? h('span', { class: 'chip is-warning' }, text.overview.draining) : null,
      h('span', { class: 'quiet' }, text.overview.since(ago(worker.since)))),
    load(worker),
    worker.running.length > 0 ? h('ul', { class: 'worker-running' }, worker.running.slice(0, RUNNING_SHOWN).map((one) =>
      h('li', {}, h('a', { href: toTask(one.task) }, titleOf(one.flow), ' ', h('span', { class: 'id' }, shortId(one.task))), h('span', { class: 'quiet' }, ' ', ago(one.since)))),
    worker.running.length > RUNNING_SHOWN ? h('li', { class: 'quiet' }, text.data.moreRows(worker.running.length - RUNNING_SHOWN)) : null) : null)));
}

/** How many of its places are taken. */
function load(worker) {
  const bar = h('span', { class: 'share is-wide', 'aria-hidden': 'true' }, h('span', { class: 'share-used' }));
  bar.firstElementChild.style.width = `${Math.min(100, (worker.running.length / Math.max(1, worker.concurrency)) * 100)}%`;
  return h('div', { class: 'worker-load' }, bar, h('span', {}, text.overview.places(worker.running.length, worker.concurrency)));
}

export function flowTable(stats) {
  if (stats.durations.length === 0) return h('p', { class: 'quiet' }, text.overview.noFlows);
  return h('ul', { class: 'flow-rows' }, stats.durations.map((one) => h('li', {}, h('a', { href: toFlow(one.flow) }, titleOf(one.flow)), flowRecord(one))));
}

export function storeFacts(stats, ready) {
  const unknown = ready.unknown_flows ?? [];
  const facts = [
    [text.overview.health, h('span', { class: `chip is-${ready.ready === false ? 'warning' : 'good'}` }, ready.ready === false ? text.overview.notReady : text.overview.ready)],
    [text.overview.why, ready.ready === false ? ready.detail : null],
    [text.overview.size, bytes(stats.store_bytes)],
    [text.overview.kept, number(stats.tasks.reduce((sum, one) => sum + one.count, 0))],
    [text.overview.unknown, unknown.length > 0 ? unknown.map((one) => one.flow ?? String(one)).join(', ') : null],
  ];
  return h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
