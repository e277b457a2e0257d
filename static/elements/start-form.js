// The form that starts a task: made from the flow's schema, with the options every task has, and with the inputs of
// before. What was typed survives a reload; what the server refuses stands at its field.

import { newKey, post } from '../api.js';
import { fill, h } from '../dom.js';
import { clearDraft, draftOf, keepDraft, withoutSecrets } from '../form/draft.js';
import { go, toTask } from '../route.js';
import { language, text } from '../text.js';
import { earlierInputs } from './earlier-inputs.js';
import { problemNote } from './problem-note.js';
import './schema-form.js';

const OPTIONS = {
  type: 'object',
  properties: {
    delay_seconds: { type: 'integer', minimum: 0, title: text.options.delay, description: text.options.delayHelp, default: null },
    priority: {
      oneOf: ['high', 'normal', 'low'].map((name) => ({ const: name, title: text.options.priorities[name] })), default: 'normal', title: text.options.priority,
    },
    tags: { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 10, default: [], title: text.options.tags, description: text.options.tagsHelp },
    notify_email: { type: 'array', items: { type: 'string', format: 'email' }, default: [], title: text.options.notify, description: text.options.notifyHelp },
    max_cost: { type: 'number', minimum: 0, default: null, title: text.flow.maxCost, description: text.options.maxCostHelp },
  },
};
const DRAFT_MS = 300;

export class StartForm {
  #lastStart = null;
  #draftTimer = null;

  constructor(flow) {
    this.flow = flow;
    this.form = h('schema-form');
    this.options = h('schema-form');
    this.problem = h('div', { class: 'start-problem' });
    this.button = h('button', { type: 'submit', class: 'button is-primary is-large' }, text.flow.start);
    this.refilled = h('p', { class: 'start-note', role: 'status', hidden: true });
    this.node = h('form', { class: 'start', novalidate: true, onsubmit: (event) => this.#submit(event) },
      earlierInputs(flow, (value, words) => this.fill(value, words)),
      this.refilled,
      this.form,
      h('details', { class: 'options' }, h('summary', {}, text.flow.options), this.options),
      this.problem,
      h('div', { class: 'buttons' }, this.button));
    this.options.setSchema(OPTIONS, undefined, { tabs: false });
    this.form.addEventListener('input', () => this.#draft());
    this.form.addEventListener('click', () => this.#draft());
  }

  /** With these inputs; without any, with what was typed here before a reload. */
  fill(value, words = text.flow.refilled) {
    const given = value === undefined ? draftOf(this.flow.name) : withoutSecrets(value);
    this.form.setSchema(this.flow.input_schema, given);
    if (this.form.isEmpty) this.form.querySelector('.form-panel').replaceChildren(h('p', { class: 'quiet' }, text.flow.noInputs));
    this.refilled.hidden = value === undefined;
    this.refilled.textContent = value === undefined ? '' : words;
  }

  /** What is entered now, for who only wants to look: mistakes are not shown. */
  inputs() {
    return this.form.peek() ?? {};
  }

  #draft() {
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => keepDraft(this.flow, this.form.peek()), DRAFT_MS);
  }

  async #submit(event) {
    event.preventDefault();
    fill(this.problem);
    const inputs = this.form.read();
    const chosen = this.options.read();
    if (this.form.isWrong || this.options.isWrong) return;
    this.button.disabled = true;
    this.button.textContent = text.flow.starting;
    try {
      const body = { flow: this.flow.name, inputs: inputs ?? {}, ...optionsOf(chosen), locale: language };
      const { task_id: id } = await post('/start-task', body, { 'Idempotency-Key': this.#keyFor(body) });
      this.#lastStart = null;
      clearTimeout(this.#draftTimer);
      clearDraft(this.flow.name);
      // Who went on meanwhile is not called back.
      if (this.node.isConnected) go(toTask(id));
    } catch (error) {
      this.#explain(error);
      this.button.disabled = false;
      this.button.textContent = text.flow.start;
    }
  }

  /** The same key for the same body, until it was accepted: pressing again after a lost answer starts nothing twice. */
  #keyFor(body) {
    const json = JSON.stringify(body);
    if (this.#lastStart?.json !== json) this.#lastStart = { json, key: newKey() };
    return this.#lastStart.key;
  }

  #explain(error) {
    const errors = error.errors ?? [];
    // Paths of options and of inputs look alike; the sentence about an option begins with its name.
    const isOption = errors.some(({ path }) => path.split('/')[1] === 'notify' || error.said.startsWith(`${path.split('/')[1]}:`));
    const ofOptions = errors.map((one) => ({ ...one, path: one.path.replace(/^\/notify\/email/, '/notify_email') }));
    if (isOption) this.options.closest('details').open = true;
    const isInputs = error.code === 'invalid_inputs' && !isOption;
    const left = isOption ? this.options.showErrors(ofOptions) : isInputs ? this.form.showErrors(errors) : errors;
    if (errors.length > 0 && left.length === 0) {
      fill(this.problem, h('p', { class: 'start-summary', role: 'alert' }, text.form.summary(errors.length)));
    } else {
      fill(this.problem, problemNote(error));
    }
  }
}

/** Those that say something, as the server wants them. */
function optionsOf({ notify_email: addresses, ...options }) {
  const says = ([name, value]) => value !== null && value !== 'normal' && !(Array.isArray(value) && value.length === 0) && !(name === 'delay_seconds' && value === 0);
  const chosen = Object.fromEntries(Object.entries(options).filter(says));
  return addresses?.length > 0 ? { ...chosen, notify: { email: addresses } } : chosen;
}
