// <wait-form>: what a task waits for. A question is answered here, by a form made from the schema of the answer;
// a sleep counts down; a child is a link.

import { newKey, post } from '../api.js';
import { serverNow } from '../clock.js';
import { clearDraft, draftOf, keepDraft } from '../form/draft.js';
import { announce, fill, h, setText } from '../dom.js';
import { ago, duration, humanize, moment, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import { problemWords } from './problem-note.js';
import './schema-form.js';

const DRAFT_MS = 300;
const AGO_MS = 10_000;

class WaitForm extends HTMLElement {
  #timer = null;
  /** Of the one answer that this question gets: sent again after it was lost, it is not a second one. */
  #key = newKey();
  #draft = null;

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /** Once: a wait does not change, and what was typed must stay. */
  show(taskId, wait) {
    this.className = `wait is-${wait.kind}`;
    if (wait.kind === 'sleep') this.#showSleep(wait);
    else if (wait.kind === 'child') this.#showChild(wait);
    else this.#showQuestion(taskId, wait);
  }

  #showSleep(wait) {
    const left = h('p', { class: 'wait-note' });
    const tick = () => {
      const ms = new Date(wait.until).getTime() - serverNow();
      setText(left, ms > 0 ? text.wait.sleepLeft(duration(Math.ceil(ms / 1000) * 1000)) : text.wait.sleepOver);
    };
    this.#timer = setInterval(tick, 1000);
    tick();
    const when = h('time', { datetime: wait.until, class: 'wait-since' }, text.wait.until(moment(wait.until)));
    fill(this, h('p', { class: 'wait-kind' }, text.wait.sleeping, ' ', when), left);
  }

  #showChild(wait) {
    fill(this,
      h('p', { class: 'wait-kind' }, text.wait.child(wait.name)),
      wait.child ? h('a', { class: 'button is-small', href: toTask(wait.child) }, text.wait.openChild, ' ', shortId(wait.child)) : null);
  }

  #showQuestion(taskId, wait) {
    const isApproval = wait.kind === 'approval' && wait.schema?.properties?.approved;
    const form = h('schema-form');
    const schema = isApproval ? withoutDecision(wait.schema) : wait.schema ?? {};
    this.#keepTyped(form, { name: `answer ${taskId} ${wait.id} ${wait.since}`, input_schema: schema });
    const problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    const answer = (decision) => {
      const value = form.read();
      if (!form.isWrong) this.#send(taskId, wait, isApproval ? { ...value, approved: decision } : value ?? null, { form, problem, buttons });
    };
    const decide = (label, look, decision) => h('button', { type: 'button', class: `button ${look}`, onclick: () => answer(decision) }, label);
    // A decision is made by its button only, never by Enter in a comment.
    const buttons = isApproval
      ? [decide(text.wait.approve, 'is-primary', true), decide(text.wait.decline, '', false)]
      : [h('button', { type: 'submit', class: 'button is-primary' }, text.wait.send)];
    const submit = (event) => {
      event.preventDefault();
      if (!isApproval) answer();
    };
    this.#timer = setInterval(() => setText(since, text.wait.since(ago(wait.since))), AGO_MS);
    const [question, ...rest] = (wait.question ?? text.wait.signalQuestion(wait.name)).split('\n');
    const since = h('time', { datetime: wait.since, class: 'wait-since', title: moment(wait.since) }, text.wait.since(ago(wait.since)));
    fill(this,
      h('p', { class: 'wait-kind' }, isApproval ? text.wait.approval : text.wait.signal, ' ', since),
      h('h2', { class: 'wait-question' }, question),
      rest.length > 0 ? h('pre', { class: 'data-raw is-wrapped wait-more', tabindex: '0' }, rest.join('\n').trim()) : null,
      wait.about === undefined ? null : about(wait.about),
      h('form', { class: 'wait-answer', novalidate: true, onsubmit: submit }, form, problem, h('div', { class: 'buttons' }, buttons)));
    form.setSchema(schema, draftOf(this.#draft.name), { tabs: false });
  }

  /** What was typed and not sent survives a reload. */
  #keepTyped(form, draft) {
    this.#draft = draft;
    let timer = null;
    const keep = () => {
      clearTimeout(timer);
      timer = setTimeout(() => form.isConnected && keepDraft(draft, form.peek()), DRAFT_MS);
    };
    for (const kind of ['input', 'click']) form.addEventListener(kind, keep);
  }

  async #send(taskId, wait, value, { form, problem, buttons }) {
    problem.hidden = true;
    buttons.forEach((one) => { one.disabled = true; });
    try {
      await post(`/tasks/${encodeURIComponent(taskId)}/signals/${encodeURIComponent(wait.name)}`, value, { 'Idempotency-Key': this.#key });
      clearDraft(this.#draft.name);
      clearInterval(this.#timer);
      fill(this, h('p', { class: 'wait-note' }, text.wait.sent));
      announce(text.wait.sent);
      // The button that had the focus is gone.
      if (document.activeElement === document.body) document.querySelector('main h1')?.focus({ preventScroll: true });
    } catch (error) {
      buttons.forEach((one) => { one.disabled = false; });
      if (form.showErrors(error.errors ?? []).length === (error.errors ?? []).length) {
        fill(problem, problemWords(error));
        problem.hidden = false;
      }
    }
  }
}

/** What is to be approved, such as the arguments of a tool: whole and letter by letter, since Markdown could hide some of it. */
function about(value) {
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [['', value]];
  return h('dl', { class: 'wait-about' }, fields.map(([name, field]) => h('div', {},
    h('dt', {}, name ? humanize(name) : text.wait.about),
    h('dd', {}, h('pre', { class: 'data-raw is-wrapped wait-more', tabindex: '0' }, typeof field === 'string' ? field : JSON.stringify(field, null, 2))))));
}

/** The decision is made by the two buttons; the form asks for the rest. */
function withoutDecision(schema) {
  const { approved: _, ...properties } = schema.properties;
  return { ...schema, properties, required: (schema.required ?? []).filter((name) => name !== 'approved') };
}

customElements.define('wait-form', WaitForm);
