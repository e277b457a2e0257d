// A flow in the catalogue: what it does, whether it can be started, how its newest tasks went.

import { h } from '../dom.js';
import { titleOf } from '../flows.js';
import { duration, percent } from '../format.js';
import { toFlow } from '../route.js';
import { text } from '../text.js';

export function flowCard(flow) {
  return h('article', { class: 'flow-card' },
    h('h2', { class: 'flow-title' }, h('a', { href: toFlow(flow.name) }, titleOf(flow.name))),
    flow.summary ? h('p', { class: 'flow-summary' }, flow.summary) : null,
    flowRecord(flow.recent),
    h('p', { class: 'flow-meta' },
      h('code', {}, flow.name), h('span', {}, text.flows.version(flow.version ?? 1)), notReadyMark(flow)));
}

/** What it lacks, if it lacks anything. */
export function notReadyMark(flow) {
  if (flow.readiness?.ready !== false) return null;
  const hints = (flow.readiness.missing ?? []).map((one) => one.hint ?? one.what ?? String(one)).join(' ');
  return h('span', { class: 'chip is-warning', title: hints || null }, text.flows.notReady);
}

/** How many of the newest tasks succeeded and how long they took, as a line and in words. */
export function flowRecord(recent) {
  const ended = (recent?.succeeded ?? 0) + (recent?.failed ?? 0);
  if (!ended) return h('p', { class: 'flow-record is-none' }, text.flows.neverRun);
  const share = recent.succeeded / ended;
  const bar = h('span', { class: 'share', 'aria-hidden': 'true' }, h('span', { class: 'share-good' }));
  bar.firstElementChild.style.width = `${share * 100}%`;
  return h('p', { class: 'flow-record', title: text.flows.recordHelp(ended) },
    bar, h('span', {}, text.flows.succeed(percent(share))), h('span', { class: 'flow-took' }, text.flows.usually(duration(recent.p50_ms))));
}
