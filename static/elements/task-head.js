// <task-head>: what a task is and how it is: flow, state, how long, how far, and the buttons that steer it.

import { fill, h, setText } from '../dom.js';
import { titleOf } from '../flows.js';
import { shortId } from '../format.js';
import { toFlow, toTask } from '../route.js';
import { statusWords, text } from '../text.js';
import './progress-line.js';
import './state-badge.js';
import './task-actions.js';
import { taskClock } from './task-clock.js';
import { rehearsalMark } from './usage-facts.js';

class TaskHead extends HTMLElement {
  #task = null;

  connectedCallback() {
    if (this.heading) return;
    this.classList.add('task-head');
    this.heading = h('h1', { tabindex: '-1' });
    this.badge = h('state-badge');
    this.clock = h('span', { class: 'task-clock' });
    this.rehearsal = h('span', { hidden: true }, rehearsalMark());
    this.actions = h('task-actions');
    this.kin = h('p', { class: 'task-kin', hidden: true });
    this.status = h('p', { class: 'task-status' });
    this.percent = h('span', { class: 'task-percent' });
    this.now = h('div', { class: 'task-now' }, this.status, this.percent);
    this.line = h('progress-line');
    fill(this, h('div', { class: 'task-title' }, this.heading, this.badge, this.rehearsal, this.clock), this.actions, this.kin, this.now, this.line);
  }

  show(task) {
    if (!this.heading) this.connectedCallback();
    this.#task = task;
    const { record, state, details } = task;
    this.#title(record ? titleOf(record.flow) : '…', record);
    this.#kin(record);
    this.badge.hidden = task.missing || !(record || task.view);
    this.badge.state = state;
    this.rehearsal.hidden = !details.usage?.rehearsal;
    if (record && !task.missing) this.actions.show(task);
    this.#status(task);
    this.line.show(task.progress, state);
    this.tick();
  }

  tick() {
    if (this.#task) setText(this.clock, taskClock(this.#task));
  }

  #title(title, record) {
    if (this.shownTitle === title) return;
    this.shownTitle = title;
    fill(this.heading, record ? h('a', { href: toFlow(record.flow) }, title) : title, ' ', h('span', { class: 'id' }, shortId(this.#task.id)));
  }

  /** Where it came from. */
  #kin(record) {
    const kin = [
      [text.task.parent, record?.parent], [text.task.retryOf, record?.retry_of], [text.task.continuedFrom, record?.continued_from],
    ].filter(([, id]) => id);
    const key = JSON.stringify(kin);
    if (key === this.shownKin) return;
    this.shownKin = key;
    this.kin.hidden = kin.length === 0;
    fill(this.kin, kin.map(([name, id]) => h('span', {}, name, ' ', h('a', { href: toTask(id), class: 'id' }, shortId(id)))));
  }

  /** What the questions, the result or the error below say better is left out. */
  #status(task) {
    const isSaid = task.state === 'SUCCESS' || task.state === 'FAILURE' || task.questions.some((wait) => wait.question === task.status);
    setText(this.status, statusWords(task.status));
    setText(this.percent, task.progress > 0 ? `${task.progress} %` : '');
    this.now.hidden = task.missing || isSaid;
    this.line.hidden = task.missing;
  }
}

customElements.define('task-head', TaskHead);
