// One flow: its form, its schema, how to start it from elsewhere, how it went, and its newest tasks.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { flowRecord, notReadyMark } from '../elements/flow-card.js';
import { lazily } from '../elements/lazily.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/recent-tasks.js';
import '../elements/data-view.js';
import { StartForm } from '../elements/start-form.js';
import { tabs } from '../elements/tabs.js';
import { oneFlow } from '../flows.js';
import { duration, humanize, money, number } from '../format.js';
import { text } from '../text.js';

export function flowView(place, { name, parameters }) {
  show(place, name, parameters.get('from'));
  return { title: humanize(name) };
}

async function show(place, name, from) {
  try {
    const [flow, value] = await Promise.all([oneFlow(name), from ? inputsOf(from) : undefined]);
    draw(place, flow, value);
  } catch (error) {
    const unknown = error.status === 404 ? new Error(text.flow.unknown(name)) : error;
    fill(place, h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, humanize(name))), problemNote(unknown, () => show(place, name, from)));
  }
}

/** What an earlier task was started with. */
async function inputsOf(id) {
  try {
    return (await get(`/tasks/${encodeURIComponent(id)}`)).input;
  } catch {
    return undefined;
  }
}

function draw(place, flow, value) {
  const start = new StartForm(flow);
  const elsewhere = h('div');
  fill(place,
    h('div', { class: 'page-head' },
      h('a', { class: 'back', href: '#/' }, h('span', { 'aria-hidden': 'true' }, '← '), text.flow.back),
      h('h1', { tabindex: '-1' }, flow.title || humanize(flow.name)),
      flow.summary ? h('p', { class: 'lead' }, flow.summary) : null,
      notReady(flow)),
    h('div', { class: 'columns' },
      h('section', { class: 'panel flow-tabs', 'aria-label': text.flow.start }, tabs(text.flow.views, [
        { name: text.flow.inputs, panel: start.node },
        { name: text.flow.elsewhere, panel: elsewhere, onShow: () => showRecipes(elsewhere, flow, start) },
        { name: text.flow.schema, panel: schemas(flow) },
      ])),
      h('div', { class: 'side' }, record(flow), about(flow), recent(flow))));
  start.fill(value);
}

/** With what is in the form now. Few look, so it is fetched for those who do. */
function showRecipes(place, flow, start) {
  lazily(place, () => import('../elements/start-recipes.js'), async ({ startRecipes }) => {
    const needsKey = await get('/session').then((session) => session.needs_key === true, () => false);
    fill(place, startRecipes(flow, start.inputs(), { needsKey }));
  });
}

/** What must be set before it can be started. */
function notReady(flow) {
  if (!notReadyMark(flow)) return null;
  const missing = flow.readiness.missing ?? [];
  return h('div', { class: 'problem is-care' },
    h('p', { class: 'problem-heading' }, text.flow.notReady),
    h('ul', {}, missing.map((one) => h('li', {}, [one.what, one.hint].filter(Boolean).join(': ') || String(one)))));
}

function schemas(flow) {
  return h('div', { class: 'schemas' },
    h('h2', {}, text.flow.inputSchema), h('pre', { class: 'data-raw', tabindex: '0' }, JSON.stringify(flow.input_schema, null, 2)),
    flow.output_schema ? [h('h2', {}, text.flow.outputSchema), h('pre', { class: 'data-raw', tabindex: '0' }, JSON.stringify(flow.output_schema, null, 2))] : null);
}

function record(flow) {
  if (!flow.recent) return null;
  return h('section', {}, h('h2', {}, text.flow.record), flowRecord(flow.recent),
    h('p', { class: 'quiet' }, text.flow.slowest(duration(flow.recent.p95_ms), number(flow.recent.count))));
}

function about(flow) {
  const options = flow.options ?? {};
  const facts = [
    [text.flow.name, h('code', {}, flow.name)],
    [text.flow.version, String(flow.version ?? 1)],
    [text.flow.timeout, options.timeout_seconds ? duration(options.timeout_seconds * 1000) : null],
    [text.flow.deadline, options.deadline_seconds ? duration(options.deadline_seconds * 1000) : null],
    [text.flow.retries, options.retries || null],
    [text.flow.concurrency, options.concurrency || null],
    [text.flow.maxCost, typeof options.max_cost === 'number' ? money(options.max_cost) : null],
    [text.flow.maxTokens, typeof options.max_tokens === 'number' ? number(options.max_tokens) : null],
  ];
  return h('section', {}, h('h2', {}, text.flow.about),
    flow.description && flow.description !== flow.summary ? h('p', { class: 'flow-description' }, flow.description) : null,
    h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])));
}

function recent(flow) {
  return h('section', {}, h('h2', {}, text.flow.recent), h('recent-tasks', { '.flow': flow.name }));
}
