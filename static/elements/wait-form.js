// <wait-form>: what a task waits for. A question is answered here, by a form made from the schema of the answer;
// a sleep counts down; a child is a link.

import { post } from '../api.js';
import { serverNow } from '../clock.js';
import { announce, fill, h, setText } from '../dom.js';
import { ago, duration, humanize, moment, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import { problemWords } from './problem-note.js';
import './schema-form.js';

class WaitForm extends HTMLElement {
  #timer = null;

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
    const problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    const buttons = isApproval
      ? [button(text.wait.approve, 'is-primary', true), button(text.wait.decline, '', false)]
      : [button(text.wait.send, 'is-primary', undefined)];
    const answer = async (event) => {
      event.preventDefault();
      const value = form.read();
      if (form.isWrong) return;
      const decision = event.submitter?.value;
      await this.#send(taskId, wait, decision ? { ...value, approved: decision === 'true' } : value ?? null, { form, problem, buttons });
    };
    const [question, ...rest] = (wait.question ?? text.wait.signalQuestion(wait.name)).split('\n');
    const since = h('time', { datetime: wait.since, class: 'wait-since', title: moment(wait.since) }, text.wait.since(ago(wait.since)));
    fill(this,
      h('p', { class: 'wait-kind' }, isApproval ? text.wait.approval : text.wait.signal, ' ', since),
      h('h2', { class: 'wait-question' }, question),
      rest.length > 0 ? h('pre', { class: 'data-raw is-wrapped wait-more', tabindex: '0' }, rest.join('\n').trim()) : null,
      wait.about === undefined ? null : about(wait.about),
      h('form', { class: 'wait-answer', novalidate: true, onsubmit: answer }, form, problem, h('div', { class: 'buttons' }, buttons)));
    form.setSchema(isApproval ? withoutDecision(wait.schema) : wait.schema ?? {}, undefined, { tabs: false });
  }

  async #send(taskId, wait, value, { form, problem, buttons }) {
    problem.hidden = true;
    buttons.forEach((one) => { one.disabled = true; });
    try {
      await post(`/tasks/${encodeURIComponent(taskId)}/signals/${encodeURIComponent(wait.name)}`, value);
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

function button(label, look, decision) {
  return h('button', { type: 'submit', class: `button ${look}`, value: decision === undefined ? null : String(decision) }, label);
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
