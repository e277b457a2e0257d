// The catalogue: every flow as a card, the newest tasks beside it.

import { fill, h } from '../dom.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/recent-tasks.js';
import { allFlows, titleOf } from '../flows.js';
import { toFlow } from '../route.js';
import { text } from '../text.js';

export function flowsView(place) {
  const list = h('div', { class: 'catalogue', 'aria-busy': 'true' });
  fill(place,
    h('div', { class: 'page-head' },
      h('h1', { tabindex: '-1' }, text.flows.heading), h('p', { class: 'lead' }, text.flows.lead)),
    h('div', { class: 'columns' },
      list,
      h('section', { class: 'side', 'aria-labelledby': 'recent-heading' },
        h('h2', { id: 'recent-heading' }, text.tasks.recent), h('recent-tasks'))));
  show(list);
  return { title: text.flows.heading };
}

async function show(list) {
  try {
    const flows = await allFlows({ fresh: true });
    // Flows for measurements stand behind those for people.
    const sorted = [...flows].sort((a, b) => Number(Boolean(a.diagnostics)) - Number(Boolean(b.diagnostics)));
    fill(list, sorted.length > 0 ? sorted.map(card) : h('p', { class: 'quiet' }, text.flows.none));
  } catch (error) {
    fill(list, problemNote(error, () => show(list)));
  }
  list.removeAttribute('aria-busy');
}

function card(flow) {
  const notReady = flow.ready === false || flow.readiness?.ready === false;
  return h('article', { class: 'flow-card' },
    h('h2', { class: 'flow-title' }, h('a', { href: toFlow(flow.name) }, titleOf(flow.name))),
    flow.summary ? h('p', { class: 'flow-summary' }, flow.summary) : null,
    h('p', { class: 'flow-meta' },
      h('code', {}, flow.name), h('span', {}, text.flows.version(flow.version ?? 1)),
      flow.diagnostics ? h('span', { class: 'chip' }, text.flows.diagnostics) : null,
      notReady ? h('span', { class: 'chip is-warning' }, text.flows.notReady) : null));
}
