// One flow: its form, what it is, and its newest tasks.

import { get, newKey, post } from '../api.js';
import { fill, h } from '../dom.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/recent-tasks.js';
import '../elements/schema-form.js';
import { oneFlow } from '../flows.js';
import { duration, humanize } from '../format.js';
import { go, toTask } from '../route.js';
import { text } from '../text.js';

const OPTIONS = {
  type: 'object',
  properties: {
    delay_seconds: { type: 'integer', minimum: 0, title: text.options.delay, description: text.options.delayHelp, default: null },
    priority: { enum: ['high', 'normal', 'low'], default: 'normal', title: text.options.priority },
    tags: { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 10, default: [], title: text.options.tags, description: text.options.tagsHelp },
  },
};

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

/** What an earlier task was started with; masked secrets must be typed again. */
async function inputsOf(id) {
  try {
    const record = await get(`/tasks/${encodeURIComponent(id)}`);
    return withoutSecrets(record.input);
  } catch {
    return undefined;
  }
}

function draw(place, flow, value) {
  const form = h('schema-form');
  const options = h('schema-form');
  const problem = h('div', { class: 'start-problem' });
  const button = h('button', { type: 'submit', class: 'button is-primary is-large' }, text.flow.start);
  const onsubmit = (event) => {
    event.preventDefault();
    start({ flow, form, options, problem, button });
  };
  fill(place,
    h('div', { class: 'page-head' },
      h('a', { class: 'back', href: '#/' }, h('span', { 'aria-hidden': 'true' }, '← '), text.flow.back),
      h('h1', { tabindex: '-1' }, flow.title || humanize(flow.name)),
      flow.summary ? h('p', { class: 'lead' }, flow.summary) : null),
    h('div', { class: 'columns' },
      h('form', { class: 'panel start', novalidate: true, onsubmit },
        h('h2', { class: 'unseen' }, text.flow.inputs),
        value === undefined ? null : h('p', { class: 'quiet' }, text.flow.refilled),
        form,
        h('details', { class: 'options' }, h('summary', {}, text.flow.options), options),
        problem,
        h('div', { class: 'buttons is-end' }, button)),
      h('aside', { class: 'side' }, about(flow), recent(flow))));
  form.setSchema(flow.input_schema, value);
  if (form.isEmpty) form.querySelector('.form-panel').replaceChildren(h('p', { class: 'quiet' }, text.flow.noInputs));
  options.setSchema(OPTIONS, undefined, { tabs: false });
}

async function start({ flow, form, options, problem, button }) {
  fill(problem);
  const inputs = form.read();
  const chosen = options.read();
  if ((inputs === undefined && !form.errorPlace.hidden) || inputs === undefined || chosen === undefined) return;
  button.disabled = true;
  button.textContent = text.flow.starting;
  try {
    const body = { flow: flow.name, inputs, ...changed(chosen) };
    const { task_id: id } = await post('/start-task/', body, { 'Idempotency-Key': keyFor(body) });
    lastStart = null;
    go(toTask(id));
  } catch (error) {
    explain(error, { form, options, problem });
    button.disabled = false;
    button.textContent = text.flow.start;
  }
}

let lastStart = null;

/** The same key for the same body, until it was accepted: pressing again after a lost answer starts nothing twice. */
function keyFor(body) {
  const json = JSON.stringify(body);
  if (lastStart?.json !== json) lastStart = { json, key: newKey() };
  return lastStart.key;
}

function explain(error, { form, options, problem }) {
  const errors = error.errors ?? [];
  // Paths of options and of inputs look alike; the sentence about an option begins with its name.
  const ofOptions = errors.filter(({ path }) => {
    const name = path.split('/')[1];
    return name in OPTIONS.properties && error.message.startsWith(`${name}:`);
  });
  const isOption = ofOptions.length > 0;
  if (isOption) options.closest('details').open = true;
  const isInputs = error.code === 'invalid_inputs' && !isOption;
  const left = isOption ? options.showErrors(ofOptions) : isInputs ? form.showErrors(errors) : errors;
  if (errors.length > 0 && left.length === 0) {
    fill(problem, h('p', { class: 'start-summary', role: 'alert' }, text.form.summary(errors.length)));
  } else {
    fill(problem, problemNote(error));
  }
}

/** Options that say something. */
function changed(options) {
  return Object.fromEntries(Object.entries(options).filter(([name, value]) =>
    value !== null && value !== 'normal' && !(Array.isArray(value) && value.length === 0) && !(name === 'delay_seconds' && value === 0)));
}

function about(flow) {
  const options = flow.options ?? {};
  const milliseconds = (name) => options[`${name}_ms`] ?? (options[`${name}_seconds`] ?? 0) * 1000;
  const facts = [
    [text.flow.name, h('code', {}, flow.name)],
    [text.flow.version, String(flow.version ?? 1)],
    [text.flow.timeout, milliseconds('timeout') ? duration(milliseconds('timeout')) : null],
    [text.flow.deadline, milliseconds('deadline') ? duration(milliseconds('deadline')) : null],
    [text.flow.retries, options.retries || null],
    [text.flow.concurrency, options.concurrency || null],
  ];
  return h('section', {}, h('h2', {}, text.flow.about),
    flow.description && flow.description !== flow.summary ? h('p', { class: 'flow-description' }, flow.description) : null,
    h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])));
}

function recent(flow) {
  return h('section', {}, h('h2', {}, text.flow.recent), h('recent-tasks', { '.flow': flow.name }));
}

function withoutSecrets(value) {
  if (value === '***') return undefined;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutSecrets(one)]));
}
