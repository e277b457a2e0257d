// One task, live: state, questions, result or error, its steps in time, what it writes and tells, its log.

import { announce, fill, h } from '../dom.js';
import '../elements/activity-list.js';
import '../elements/live-texts.js';
import '../elements/log-view.js';
import '../elements/open-strip.js';
import '../elements/step-detail.js';
import '../elements/step-timeline.js';
import '../elements/task-children.js';
import '../elements/task-head.js';
import '../elements/task-mails.js';
import '../elements/task-outcome.js';
import '../elements/wait-form.js';
import { tabs } from '../elements/tabs.js';
import { taskFacts } from '../elements/task-facts.js';
import { titleOf } from '../flows.js';
import { shortId } from '../format.js';
import { keepUp, logOf } from '../log/logs.js';
import { task as taskOf } from '../tasks.js';
import { text } from '../text.js';

const TICK_MS = 500;

export function taskView(place, { name: id, onTitle }) {
  const page = new TaskPage(place, taskOf(id), logOf(id), onTitle);
  return { title: shortId(id), leave: () => page.leave() };
}

class TaskPage {
  #waits = new Map();
  #state = null;
  #stopLog = null;
  #update = () => this.update();
  #tell = () => this.updateFromLog();

  constructor(place, task, log, onTitle) {
    Object.assign(this, { task, log, onTitle });
    this.head = h('task-head');
    this.missing = h('p', { class: 'quiet', hidden: true }, text.tasks.missing);
    this.questions = h('div', { class: 'waits' });
    this.outcome = h('task-outcome');
    this.timeline = h('step-timeline');
    this.detail = h('step-detail', { hidden: true });
    this.texts = h('live-texts', { class: 'streams', hidden: true });
    this.activity = h('activity-list');
    this.logView = h('log-view');
    this.children = h('task-children');
    this.mails = h('task-mails');
    this.facts = h('div', { class: 'task-facts' });
    this.#lay(place);
    this.timeline.log = log;
    this.logView.log = log;
    task.addEventListener('change', this.#update);
    log.addEventListener('change', this.#tell);
    this.clock = setInterval(() => this.head.tick(), TICK_MS);
    this.update();
    this.updateFromLog();
  }

  leave() {
    this.task.removeEventListener('change', this.#update);
    this.log.removeEventListener('change', this.#tell);
    clearInterval(this.clock);
    this.#stopLog?.();
  }

  #lay(place) {
    const told = tabs(text.task.told, [
      { name: text.task.activity, panel: this.activity },
      { name: text.log.heading, panel: this.logView },
    ]);
    this.steps = h('section', { class: 'panel steps-panel', 'aria-label': text.task.steps }, this.timeline, this.detail);
    this.body = h('div', { class: 'task-body' },
      this.questions,
      this.outcome,
      this.steps,
      h('div', { class: 'columns is-task' },
        h('div', { class: 'task-main' }, this.texts, h('section', { class: 'panel', 'aria-label': text.task.told }, told)),
        h('aside', { class: 'side', 'aria-label': text.task.details }, this.children, this.mails, this.facts)));
    place.addEventListener('step-chosen', ({ detail: key }) => this.#choose(key));
    fill(place, h('open-strip', { '.current': this.task.id }), this.head, this.missing, this.body);
  }

  #choose(key) {
    this.timeline.chosen = key;
    this.detail.show(this.log, key);
    this.steps.classList.toggle('has-detail', key !== null);
  }

  update() {
    const { task } = this;
    const { record, state, details } = task;
    this.missing.hidden = !task.missing;
    this.body.hidden = task.missing;
    this.head.show(task);
    // Only of a task that exists: a stream that is refused would be asked for again and again.
    if (task.missing) {
      this.#stopLog?.();
      this.#stopLog = null;
    } else if (record) this.#stopLog ??= keepUp(this.log);
    this.timeline.isLive = this.logView.isLive = !task.ended;
    this.#updateWaits(task);
    this.outcome.show(task);
    this.activity.show(details.step_results ?? [], details.omitted, task.ended);
    this.#updateTexts();
    this.#updateFacts(record, details);
    this.mails.follow(task);
    this.#tellOfState(record ? titleOf(record.flow) : '…', state);
  }

  updateFromLog() {
    this.#updateTexts();
    this.children.show(this.log);
    if (this.timeline.chosen) this.detail.show(this.log, this.timeline.chosen);
  }

  /** A text that the result shows need not be there twice. */
  #updateTexts() {
    const result = this.task.details.final_result;
    const shown = typeof result === 'object' && result !== null ? Object.values(result) : [result];
    this.texts.show(this.log, shown);
  }

  #updateWaits(task) {
    const wanted = task.ended ? [] : task.waiting;
    const keys = new Set(wanted.map(keyOf));
    for (const [key, node] of this.#waits) {
      if (keys.has(key)) continue;
      node.remove();
      this.#waits.delete(key);
    }
    for (const wait of wanted) {
      if (this.#waits.has(keyOf(wait))) continue;
      const node = h('wait-form');
      this.#waits.set(keyOf(wait), node);
      this.questions.append(node);
      node.show(task.id, wait);
      if (wait.question) announce(wait.question);
    }
  }

  #updateFacts(record, details) {
    const key = JSON.stringify([record, details.usage]);
    if (!record || key === this.shownFacts) return;
    this.shownFacts = key;
    fill(this.facts, taskFacts(record, details.usage));
  }

  #tellOfState(title, state) {
    this.onTitle(`${text.state[state] ?? state}${this.task.ended ? '' : ` ${this.task.progress} %`} · ${title}`);
    if (this.#state && this.#state !== state) announce(text.task.nowState(title, text.state[state] ?? state));
    this.#state = state;
  }
}

/** A question that is asked again is another one. */
function keyOf(wait) {
  return `${wait.id} ${wait.since}`;
}
