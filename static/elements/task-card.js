// <task-card>: one open task at a glance, live: state, progress, its last words, whether it needs an answer.

import { fill, h, setText } from '../dom.js';
import { inWords, isPlain } from '../exact.js';
import { humanize, shortId } from '../format.js';
import { close, toTask } from '../route.js';
import { statusWords, text } from '../text.js';
import { titleOf } from '../flows.js';
import './progress-line.js';
import './state-badge.js';

const SHOWN_LINES = 3;
const SHOWN_LETTERS = 220;

class TaskCard extends HTMLElement {
  #update = () => this.#draw();

  connectedCallback() {
    if (!this.link) this.#make();
    this.task.addEventListener('change', this.#update);
    this.#draw();
  }

  disconnectedCallback() {
    this.task.removeEventListener('change', this.#update);
  }

  #make() {
    this.classList.add('card');
    this.link = h('a', { class: 'card-link', href: toTask(this.task.id) });
    this.badge = h('state-badge');
    this.line = h('progress-line');
    this.status = h('p', { class: 'card-status' });
    this.question = h('p', { class: 'card-question', hidden: true }, text.tasks.answer);
    this.tail = h('div', { class: 'card-tail' });
    this.closer = h('button', { type: 'button', class: 'button is-icon card-close', onclick: () => this.#close() }, '×');
    fill(this,
      h('div', { class: 'card-head' }, h('h3', { class: 'card-title' }, this.link), this.badge, this.closer),
      this.line, this.status, this.tail, this.question);
  }

  #draw() {
    const { task } = this;
    const title = task.record ? titleOf(task.record.flow) : '…';
    const id = h('span', { class: 'id' }, shortId(task.id));
    if (this.shownTitle !== title) fill(this.link, title, ' ', id);
    this.shownTitle = title;
    this.closer.setAttribute('aria-label', text.tasks.close(`${title} ${shortId(task.id)}`));
    this.badge.hidden = task.missing;
    this.badge.state = task.state;
    this.line.hidden = task.missing;
    this.line.show(task.progress, task.state);
    setText(this.status, task.missing ? text.tasks.missing : statusWords(task.status));
    this.question.hidden = task.questions.length === 0;
    this.#drawTail();
  }

  /** The text that is being written, else the newest log lines; the result once it is there. */
  #drawTail() {
    const { streams = {}, step_results: results = [], final_result: result } = this.task.details;
    const written = Object.values(streams);
    const isWriting = !this.task.ended && written.length > 0;
    const lines = this.task.state === 'SUCCESS' ? glimpse(result) : isWriting ? [tail(written[written.length - 1])]
      : results.filter((item) => item.type === 'log').slice(-SHOWN_LINES).map((item) => item.message);
    const joined = lines.join('\n');
    if (joined === this.shownTail) return;
    this.shownTail = joined;
    this.tail.hidden = joined === '';
    this.tail.classList.toggle('is-stream', isWriting);
    fill(this.tail, lines.map((line) => h('p', {}, line)));
  }

  #close() {
    close(this.task.id);
    this.dispatchEvent(new CustomEvent('task-closed', { bubbles: true }));
  }
}

/** The beginning of a result. */
function glimpse(result) {
  if (result === null || result === undefined) return [];
  if (isPlain(result)) return [inWords(result).slice(0, SHOWN_LETTERS)];
  const fields = Object.entries(result).filter(([, value]) => value !== null && isPlain(value));
  return fields.slice(0, SHOWN_LINES).map(([name, value]) => `${humanize(name)}: ${inWords(value).slice(0, SHOWN_LETTERS)}`);
}

function tail(value) {
  return value.length > SHOWN_LETTERS ? `…${value.slice(-SHOWN_LETTERS)}` : value;
}

customElements.define('task-card', TaskCard);
