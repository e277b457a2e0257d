// <step-detail>: all that is known of one step: attempts with their errors, what it told, its text, result, usage.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { duration, moment, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import './data-view.js';
import './markdown-text.js';
import { labelOf } from './step-row.js';
import { logText } from './log-line.js';
import { usageFacts } from './usage-facts.js';

const MOST_LINES = 200;

class StepDetail extends HTMLElement {
  #log = null;
  #key = null;
  #shown = '';

  /** Draws again only when something of this step has changed. */
  show(log, key) {
    const step = log?.steps.get(key);
    this.hidden = !step;
    if (!step) return;
    const last = step.last;
    const shown = [key, step.state, step.entries.length, step.text !== '', step.spans.length, last?.to].join(' ');
    if (shown === this.#shown && log === this.#log) {
      // Words that go on make nothing else anew: somebody may be about to press something there.
      if (step.text) this.written.text = step.text;
      return;
    }
    this.#shown = shown;
    this.#log = log;
    this.#draw(step, key !== this.#key);
    this.#key = key;
  }

  #draw(step, isOther) {
    if (isOther || !this.body) {
      this.body = h('div', { class: 'detail-body' });
      this.heading = h('h2', {});
      const close = h('button', { type: 'button', class: 'button is-icon is-small', 'aria-label': text.step.close, onclick: () => this.#close() }, '×');
      fill(this, h('div', { class: 'detail-head' }, this.heading, close), this.body);
      this.written = null;
    }
    fill(this.heading, labelOf(step));
    fill(this.body,
      this.#facts(step), this.#attempts(step), step.child ? h('a', { class: 'button is-small', href: toTask(step.child) }, text.wait.openChild, ' ', shortId(step.child)) : null,
      this.#written(step), this.#told(step), this.#result(step));
  }

  #close() {
    this.dispatchEvent(new CustomEvent('step-chosen', { detail: null, bubbles: true }));
  }

  #facts(step) {
    const facts = [
      [text.step.state, text.step[step.state] ?? step.state],
      [text.step.began, step.first ? moment(step.first.from) : null],
      [text.task.took, step.last?.to ? duration(step.took(0)) : null],
      [text.step.scope, step.scope || null],
      ...usageFacts(step.usage),
    ];
    return h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
  }

  /** Each attempt with what it failed of; one that went well at once needs no list. */
  #attempts(step) {
    if (step.kind !== 'step' || (step.spans.length < 2 && !step.error)) return null;
    return h('section', {}, h('h3', {}, text.step.attemptsHeading), h('ol', { class: 'attempts' }, step.spans.map((span, at) => {
      const error = span.error ?? (at === step.spans.length - 1 ? step.error : null);
      const took = span.to ? duration(span.to - span.from) : text.step.running;
      return h('li', { class: `attempt is-${span.state}` },
        h('span', { class: 'attempt-name' }, text.step.attempt(span.attempt ?? at + 1)), h('span', { class: 'attempt-took' }, took),
        error ? h('p', { class: 'attempt-error' }, h('code', {}, error.type), ' ', error.message) : null);
    })), step.retryAt && step.state === 'retrying' ? h('p', { class: 'quiet' }, text.step.nextAt(moment(step.retryAt))) : null);
  }

  #written(step) {
    if (!step.text) return null;
    this.written ??= h('markdown-text');
    this.written.text = step.text;
    return h('section', {}, h('h3', {}, text.step.written), this.written);
  }

  #told(step) {
    const entries = step.entries.map((seq) => this.#log.entry(seq)).filter((entry) => entry && ['log', 'tool_result', 'custom'].includes(entry.kind));
    if (entries.length === 0) return null;
    const left = entries.length - MOST_LINES;
    return h('section', {}, h('h3', {}, text.step.told),
      h('ol', { class: 'told' }, entries.slice(0, MOST_LINES).map((entry) => this.#line(entry, step))),
      left > 0 ? h('p', { class: 'quiet' }, text.data.moreRows(left)) : null);
  }

  #line(entry, step) {
    if (entry.kind === 'log') return h('li', { class: `told-line is-${entry.event?.level ?? 'info'}` }, logText(entry), entry.attempt && step.attempts > 1 ? h('span', { class: 'quiet' }, ` · ${text.step.attempt(entry.attempt)}`) : null);
    const name = entry.event?.tool ?? entry.event?.name ?? '';
    return h('li', { class: 'told-result' }, h('span', { class: 'result-tool' }, name), this.#value(entry, (event) => event.data));
  }

  #result(step) {
    const entry = step.resultAt ? this.#log.entry(step.resultAt) : null;
    if (!entry) return null;
    const result = entry.event?.result;
    const isNothing = entry.event && (result === null || result === undefined || result === step.text);
    return isNothing ? null : h('section', {}, h('h3', {}, text.task.result), this.#value(entry, (event) => event.result));
  }

  /** What was too large to keep is read when it is wanted. */
  #value(entry, pick) {
    if (entry.event) return h('data-view', { '.value': pick(entry.event) });
    const place = h('div', {});
    const button = h('button', { type: 'button', class: 'button is-small' }, text.step.load);
    button.addEventListener('click', async () => {
      button.disabled = true;
      const { items } = await get(`/tasks/${encodeURIComponent(this.#log.id)}/events?after=${entry.seq - 1}&limit=1`);
      fill(place, h('data-view', { '.value': pick(items[0]) }));
    });
    fill(place, button);
    return place;
  }
}

customElements.define('step-detail', StepDetail);
