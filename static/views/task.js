// One task, live: state, questions, result or error, what it writes and tells, its steps in time.

import { announce, fill, h, setText } from '../dom.js';
import '../elements/activity-list.js';
import '../elements/data-view.js';
import '../elements/open-strip.js';
import '../elements/progress-line.js';
import '../elements/state-badge.js';
import '../elements/step-list.js';
import '../elements/streamed-text.js';
import '../elements/task-actions.js';
import '../elements/wait-form.js';
import { titleOf } from '../flows.js';
import { shortId } from '../format.js';
import { taskClock } from '../elements/task-clock.js';
import { taskFacts } from '../elements/task-facts.js';
import { toFlow, toTask } from '../route.js';
import { task as taskOf } from '../tasks.js';
import { text } from '../text.js';

export function taskView(place, { name: id, onTitle }) {
  const task = taskOf(id);
  const page = new TaskPage(place, task, onTitle);
  const update = () => page.update();
  task.addEventListener('change', update);
  const clock = setInterval(() => page.tick(), 500);
  page.update();
  return {
    title: shortId(id),
    leave: () => {
      task.removeEventListener('change', update);
      clearInterval(clock);
    },
  };
}

class TaskPage {
  #waits = new Map();
  #streams = new Map();
  #state = null;

  constructor(place, task, onTitle) {
    this.task = task;
    this.onTitle = onTitle;
    this.heading = h('h1', { tabindex: '-1' });
    this.badge = h('state-badge');
    this.clock = h('span', { class: 'task-clock' });
    this.actions = h('task-actions');
    this.status = h('p', { class: 'task-status' });
    this.percent = h('span', { class: 'task-percent' });
    this.now = h('div', { class: 'task-now' }, this.status, this.percent);
    this.line = h('progress-line');
    this.questions = h('div', { class: 'waits' });
    this.outcome = h('div', { class: 'outcome', hidden: true });
    this.streams = h('div', { class: 'streams', hidden: true });
    this.activity = h('activity-list');
    this.steps = h('step-list');
    this.facts = h('div', { class: 'task-facts' });
    this.#lay(place);
  }

  #lay(place) {
    const head = h('header', { class: 'task-head' },
      h('div', { class: 'task-title' }, this.heading, this.badge, this.clock),
      this.actions,
      this.now,
      this.line);
    this.body = h('div', { class: 'columns is-task' },
      h('div', { class: 'task-main' }, this.questions, this.outcome, this.streams,
        h('section', { class: 'panel', 'aria-labelledby': 'activity-heading' }, h('h2', { id: 'activity-heading' }, text.task.activity), this.activity)),
      h('aside', { class: 'side' },
        h('section', { class: 'panel', 'aria-labelledby': 'steps-heading' }, h('h2', { id: 'steps-heading' }, text.task.steps), this.steps),
        this.facts));
    this.missing = h('p', { class: 'quiet', hidden: true }, text.tasks.missing);
    fill(place, h('open-strip', { '.current': this.task.id }), head, this.missing, this.body);
  }

  update() {
    const { task } = this;
    const { record, state, details } = task;
    this.missing.hidden = !task.missing;
    this.body.hidden = task.missing;
    const title = record ? titleOf(record.flow) : '…';
    if (this.shownTitle !== title) fill(this.heading, record ? h('a', { href: toFlow(record.flow) }, title) : title, ' ', h('span', { class: 'id' }, shortId(task.id)));
    this.shownTitle = title;
    this.badge.hidden = task.missing || !(record || task.view);
    this.badge.state = state;
    if (record && !task.missing) this.actions.show(task);
    this.#followSteps(record);
    this.#updateNow(task);
    this.line.show(task.progress, state);
    this.#updateWaits(task);
    this.#updateOutcome(state, details);
    this.#updateStreams(withoutResult(details));
    this.activity.show(details.step_results ?? [], details.omitted, task.ended);
    this.#updateFacts(record);
    this.tick();
    this.#tellOfState(title, state);
  }

  /** Only of a task that exists: a refused stream would be asked for again and again. */
  #followSteps(record) {
    if (!record || this.followed) return;
    this.followed = true;
    this.steps.follow(this.task.id);
  }

  /** What the questions, the result or the error below say better is left out. */
  #updateNow(task) {
    const isSaid = task.state === 'SUCCESS' || task.state === 'FAILURE' || task.questions.some((wait) => wait.question === task.status);
    setText(this.status, task.status);
    setText(this.percent, task.progress > 0 ? `${task.progress} %` : '');
    this.now.hidden = task.missing || isSaid;
    this.line.hidden = task.missing;
  }

  tick() {
    setText(this.clock, taskClock(this.task));
  }

  #updateWaits(task) {
    const wanted = task.ended ? [] : task.waiting;
    const keys = new Set(wanted.map((wait) => `${wait.id} ${wait.since}`));
    for (const [key, node] of this.#waits) {
      if (keys.has(key)) continue;
      node.remove();
      this.#waits.delete(key);
    }
    for (const wait of wanted) {
      const key = `${wait.id} ${wait.since}`;
      if (this.#waits.has(key)) continue;
      const node = h('wait-form');
      this.#waits.set(key, node);
      this.questions.append(node);
      node.show(task.id, wait);
      if (wait.question) announce(wait.question);
    }
  }

  #updateOutcome(state, details) {
    const isFailed = state === 'FAILURE' && details.error;
    const isDone = state === 'SUCCESS' && this.task.view;
    this.outcome.hidden = !isFailed && !isDone;
    if (this.outcome.hidden || this.shownOutcome === state) return;
    this.shownOutcome = state;
    this.outcome.className = `panel outcome is-${state.toLowerCase()}`;
    fill(this.outcome, isDone ? resultOf(details) : failureOf(details.error));
  }

  #updateStreams(streams) {
    const labels = Object.keys(streams);
    this.streams.hidden = labels.length === 0;
    for (const [label, node] of this.#streams) {
      if (label in streams) continue;
      node.remove();
      this.#streams.delete(label);
    }
    labels.forEach((label, at) => {
      let node = this.#streams.get(label);
      if (!node) {
        node = h('streamed-text');
        this.#streams.set(label, node);
        this.streams.append(node);
      }
      // The status names the step that runs; the newest text is the one that grows.
      const isWriting = this.task.state === 'PROGRESS' && at === labels.length - 1 && this.task.status.includes(label);
      node.show(label, streams[label], isWriting);
    });
  }

  #updateFacts(record) {
    const key = JSON.stringify(record);
    if (!record || key === this.shownFacts) return;
    this.shownFacts = key;
    fill(this.facts, taskFacts(record));
  }

  #tellOfState(title, state) {
    this.onTitle(`${text.state[state] ?? state}${this.task.ended ? '' : ` ${this.task.progress} %`} · ${title}`);
    if (this.#state && this.#state !== state) announce(text.task.nowState(title, text.state[state] ?? state));
    this.#state = state;
  }
}

/** The texts that were written; once the result shows one of them, it need not be there twice. */
function withoutResult({ streams = {}, final_result: result }) {
  const shown = typeof result === 'object' && result !== null ? Object.values(result) : [result];
  return Object.fromEntries(Object.entries(streams).filter(([, written]) => !shown.includes(written)));
}

function resultOf(details) {
  const next = details.continued_as;
  return [
    h('h2', {}, text.task.result),
    next ? h('p', {}, h('a', { href: toTask(next) }, text.task.continuedAs)) : null,
    h('data-view', { '.value': details.final_result }),
  ];
}

function failureOf(error) {
  return [
    h('h2', {}, text.task.failed, error.step ? h('span', { class: 'outcome-where' }, ' ', text.task.failedAt(error.step, error.attempt)) : null),
    h('p', { class: 'outcome-error' }, error.message),
    h('p', { class: 'outcome-kind' }, h('code', {}, error.type)),
  ];
}
