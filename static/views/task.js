// One task, live: state, questions, result or error, its steps in time, what it writes and tells, its log.

import { announce, fill, h } from '../dom.js';
import '../elements/activity-list.js';
import '../elements/live-texts.js';
import { lazily } from '../elements/lazily.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/step-timeline.js';
import '../elements/task-head.js';
import '../elements/task-outcome.js';
import { tabs } from '../elements/tabs.js';
import { taskFacts } from '../elements/task-facts.js';
import { titleOf } from '../flows.js';
import { shortId } from '../format.js';
import { keepUp, logOf } from '../log/logs.js';
import { openTasks, setParameters } from '../route.js';
import { reload, task as taskOf } from '../tasks.js';
import { text } from '../text.js';

const TICK_MS = 500;
const URL_MS = 200;

export function taskView(place, { name: id, parameters, onTitle }) {
  const page = new TaskPage(place, taskOf(id), logOf(id), { parameters, onTitle });
  return { title: shortId(id), leave: () => page.leave() };
}

class TaskPage {
  #waits = new Map();
  #state = null;
  #stopLog = null;
  #unwritten = {};
  #wantsChildren = false;
  #writing = null;
  #update = () => this.update();
  #tell = () => this.updateFromLog();

  constructor(place, task, log, { parameters, onTitle }) {
    Object.assign(this, { task, log, parameters, onTitle });
    this.head = h('task-head');
    this.missing = h('p', { class: 'quiet', hidden: true }, text.tasks.missing);
    this.problem = h('div', { hidden: true });
    this.questions = h('div', { class: 'waits' });
    this.outcome = h('task-outcome');
    this.timeline = h('step-timeline');
    this.detail = h('step-detail', { hidden: true });
    this.texts = h('live-texts', { class: 'streams', hidden: true });
    this.activity = h('activity-list');
    this.logPlace = h('div', {});
    this.children = h('task-children', { hidden: true });
    this.mails = h('task-mails', { hidden: true });
    this.facts = h('div', { class: 'task-facts' });
    this.#lay(place);
    this.timeline.log = log;
    task.addEventListener('change', this.#update);
    log.addEventListener('change', this.#tell);
    this.clock = setInterval(() => this.head.tick(), TICK_MS);
    lazily(this.mails, () => import('../elements/task-mails.js'), () => this.mails.follow?.(task));
    this.update();
    this.updateFromLog();
    if (parameters.has('step')) this.#choose(parameters.get('step'));
  }

  leave() {
    this.task.removeEventListener('change', this.#update);
    this.log.removeEventListener('change', this.#tell);
    clearInterval(this.clock);
    clearTimeout(this.#writing);
    this.#stopLog?.();
  }

  #lay(place) {
    const told = tabs(text.task.told, [
      { name: text.task.activity, panel: this.activity },
      { name: text.log.heading, panel: this.logPlace, onShow: () => this.#showLog() },
    ], { first: this.parameters.get('tab') === 'log' ? 1 : 0, onTurn: (at) => this.#write({ tab: at === 1 ? 'log' : '' }) });
    this.steps = h('section', { class: 'panel steps-panel', 'aria-label': text.task.steps }, this.timeline, this.detail);
    this.body = h('div', { class: 'task-body' },
      this.questions,
      this.outcome,
      this.steps,
      h('div', { class: 'columns is-task' },
        h('div', { class: 'task-main' }, this.texts, h('section', { class: 'panel', 'aria-label': text.task.told }, told)),
        h('aside', { class: 'side', 'aria-label': text.task.details }, this.children, this.mails, this.facts)));
    place.addEventListener('step-chosen', ({ detail: key }) => {
      const hadFocus = this.detail.contains(document.activeElement);
      this.#choose(key);
      this.#write({ step: key ?? '' });
      if (hadFocus && this.detail.hidden) this.timeline.focus();
    });
    place.addEventListener('log-filtered', ({ detail: { words, group } }) => this.#write({ find: words, kind: group === 'all' ? '' : group }));
    fill(place, this.#strip(), this.head, this.missing, this.problem, this.body);
  }

  #choose(key) {
    this.timeline.chosen = key;
    if (key) lazily(this.detail, () => import('../elements/step-detail.js'), () => this.#showStep());
    else this.#showStep();
  }

  #showStep() {
    this.detail.show?.(this.log, this.timeline.chosen);
    this.steps.classList.toggle('has-detail', !this.detail.hidden);
  }

  /** The other tasks that are open. */
  #strip() {
    if (openTasks().length < 2) return null;
    const strip = h('div', {});
    lazily(strip, () => import('../elements/open-strip.js'), () => fill(strip, h('open-strip', { '.current': this.task.id })));
    return strip;
  }

  /** Few have any. */
  #showChildren() {
    if (this.children.show) this.children.show(this.log);
    else if (!this.#wantsChildren && [...this.log.steps.values()].some((step) => step.child)) {
      this.#wantsChildren = true;
      lazily(this.children, () => import('../elements/task-children.js'), () => this.children.show?.(this.log));
    }
  }

  /** Few look at it, and what it takes is fetched for them. */
  #showLog() {
    if (this.logView) return;
    lazily(this.logPlace, () => import('../elements/log-view.js'), () => {
      this.logView ??= h('log-view', { '.filter': { words: this.parameters.get('find') ?? '', group: this.parameters.get('kind') ?? 'all' }, '.log': this.log, '.isLive': !this.task.ended });
      fill(this.logPlace, this.logView);
    });
  }

  /** What is looked at stands in the URL, so that a reload keeps it and a link leads to it. Keys that are held change it fast. */
  #write(changes) {
    Object.assign(this.#unwritten, changes);
    clearTimeout(this.#writing);
    this.#writing = setTimeout(() => {
      setParameters(this.#unwritten);
      this.#unwritten = {};
    }, URL_MS);
  }

  update() {
    const { task } = this;
    const { record, state, details } = task;
    this.missing.hidden = !task.missing;
    this.#showProblem(task);
    this.body.hidden = task.missing || !this.problem.hidden;
    this.head.show(task);
    // Only of a task that exists: a stream that is refused would be asked for again and again.
    if (task.missing) {
      this.#stopLog?.();
      this.#stopLog = null;
    } else if (record) this.#stopLog ??= keepUp(this.log);
    this.timeline.isLive = !task.ended;
    if (this.logView) this.logView.isLive = !task.ended;
    this.#updateWaits(task);
    this.outcome.show(task);
    this.activity.show(details.step_results ?? [], details.omitted, task.ended);
    this.#updateTexts();
    this.#updateFacts(record, details);
    this.mails.follow?.(task);
    this.#tellOfState(record ? titleOf(record.flow) : '…', state);
  }

  updateFromLog() {
    this.#updateTexts();
    this.#showChildren();
    if (this.timeline.chosen) this.#showStep();
  }

  /** Why nothing is known of it: it is tried again by itself. */
  #showProblem({ record, problem }) {
    const why = record ? null : problem;
    const words = why ? why.message + why.hint : '';
    this.problem.hidden = !why;
    if (words === this.shownProblem) return;
    this.shownProblem = words;
    fill(this.problem, why ? problemNote(why, () => reload(this.task.id)) : null);
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
      lazily(node, () => import('../elements/wait-form.js'), () => node.isConnected && node.show(task.id, wait));
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
