// <task-children>: the tasks that a task has started, each with its state, as its log tells it.

import { fill, h } from '../dom.js';
import { titleOf } from '../flows.js';
import { duration, shortId } from '../format.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import { stateMark } from './state-badge.js';

const MOST = 50;
const STATES = { waiting: 'PROGRESS', succeeded: 'SUCCESS', failed: 'FAILURE', cancelled: 'CANCELLED' };

class TaskChildren extends HTMLElement {
  #shown = '';

  show(log) {
    const children = [...log.steps.values()].filter((step) => step.child);
    this.hidden = children.length === 0;
    const key = children.map((step) => `${step.child} ${step.state} ${titleOf(step.flow)}`).join();
    if (key === this.#shown) return;
    this.#shown = key;
    const newest = children.slice(-MOST);
    this.className = 'panel';
    fill(this, h('h2', {}, text.task.children, ' ', h('span', { class: 'quiet' }, String(children.length))),
      h('ul', { class: 'children' }, newest.map((step) => h('li', {},
        stateMark(STATES[step.state] ?? 'PROGRESS'),
        h('a', { href: toTask(step.child) }, titleOf(step.flow), ' ', h('span', { class: 'id' }, shortId(step.child))),
        h('span', { class: 'quiet' }, step.last?.to ? duration(step.took(0)) : '')))),
      children.length > MOST ? h('p', { class: 'quiet' }, text.data.moreRows(children.length - MOST)) : null);
  }
}

customElements.define('task-children', TaskChildren);
