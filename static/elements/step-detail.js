// <step-detail>: all that is known of one step: attempts with their errors, what it told, its text, result, usage.

import { become, fill, h, setText } from '../dom.js';
import { duration, moment, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import './data-view.js';
import './markdown-text.js';
import { problemNote } from './problem-note.js';
import { labelOf } from './step-row.js';
import { logText } from './log-line.js';
import { usageFacts } from './usage-facts.js';

/** So many lines more with each press. */
const LINES = 200;

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
      // Each part on its own: one that grows leaves alone what is open, chosen or read in the others.
      this.parts = Object.fromEntries(['facts', 'attempts', 'child', 'text', 'told', 'result'].map((name) => [name, h('div', { class: 'detail-part' })]));
      this.body = h('div', { class: 'detail-body' }, Object.values(this.parts));
      this.heading = h('h2', {});
      const close = h('button', { type: 'button', class: 'button is-icon is-small', 'aria-label': text.step.close, onclick: () => this.#close() }, '×');
      fill(this, h('div', { class: 'detail-head' }, this.heading, close), this.body);
      Object.assign(this, { written: null, lines: null, resultAt: null });
    }
    setText(this.heading, labelOf(step));
    become(this.parts.facts, this.#facts(step));
    become(this.parts.attempts, this.#attempts(step));
    become(this.parts.child, step.child ? h('a', { class: 'button is-small', href: toTask(step.child) }, text.wait.openChild, ' ', shortId(step.child)) : null);
    this.#write(step);
    this.#tell(step);
    this.#drawResult(step);
    for (const part of Object.values(this.parts)) part.hidden = part.childNodes.length === 0;
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

  #write(step) {
    if (!step.text) {
      this.written = null;
      fill(this.parts.text);
      return;
    }
    if (!this.written) {
      this.written = h('markdown-text');
      fill(this.parts.text, h('section', {}, h('h3', {}, text.step.written), this.written));
    }
    this.written.text = step.text;
  }

  /** What it told, the first lines of it; the next ones come behind them. */
  #tell(step) {
    const entries = step.entries.map((seq) => this.#log.entry(seq)).filter((entry) => entry && ['log', 'tool_result', 'custom'].includes(entry.kind));
    if (entries.length === 0) return;
    if (!this.lines) {
      this.lines = { list: h('ol', { class: 'told' }), most: LINES, isOfMany: false };
      this.lines.more = h('button', { type: 'button', class: 'button is-small', hidden: true, onclick: () => this.#tellMore(step) });
      fill(this.parts.told, h('section', {}, h('h3', {}, text.step.told), this.lines.list, this.lines.more));
    }
    const { list, most, more } = this.lines;
    // With a second attempt each line says of which it is; a log may begin again.
    if (this.lines.isOfMany !== step.attempts > 1 || entries.length < list.children.length) fill(list);
    this.lines.isOfMany = step.attempts > 1;
    list.append(...entries.slice(list.children.length, most).map((entry) => this.#line(entry, step)));
    more.hidden = entries.length <= most;
    setText(more, text.step.moreLines(entries.length - most));
  }

  #tellMore(step) {
    const { list } = this.lines;
    const first = list.children.length;
    this.lines.most += LINES;
    this.#tell(step);
    // The button may be gone, and with it the focus.
    const next = list.children[first];
    next?.setAttribute('tabindex', '-1');
    next?.focus({ preventScroll: true });
  }

  #line(entry, step) {
    if (entry.kind === 'log') return h('li', { class: `told-line is-${entry.event?.level ?? 'info'}` }, logText(entry), entry.attempt && step.attempts > 1 ? h('span', { class: 'quiet' }, ` · ${text.step.attempt(entry.attempt)}`) : null);
    const name = entry.event?.tool ?? entry.event?.name ?? '';
    return h('li', { class: 'told-result' }, h('span', { class: 'result-tool' }, name), this.#value(entry, (event) => event.data));
  }

  #drawResult(step) {
    if (step.resultAt === this.resultAt) return;
    this.resultAt = step.resultAt;
    const entry = step.resultAt ? this.#log.entry(step.resultAt) : null;
    const result = entry?.event?.result;
    const isNothing = !entry || (entry.event && (result === null || result === undefined || result === step.text));
    fill(this.parts.result, isNothing ? null : h('section', {}, h('h3', {}, text.task.result), this.#value(entry, (event) => event.result)));
  }

  /** What was too large to keep is read when it is wanted. */
  #value(entry, pick) {
    if (entry.event) return h('data-view', { '.value': pick(entry.event) });
    const place = h('div', {});
    const button = h('button', { type: 'button', class: 'button is-small' }, text.step.load);
    const load = async () => {
      button.disabled = true;
      try {
        fill(place, h('data-view', { '.value': pick(await this.#log.read(entry.seq)) }));
      } catch (error) {
        button.disabled = false;
        fill(place, problemNote(error, load));
      }
    };
    button.addEventListener('click', load);
    fill(place, button);
    return place;
  }
}

customElements.define('step-detail', StepDetail);
