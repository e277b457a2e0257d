// <task-outcome>: what came of a task: its result in the form that suits it, or why it failed.

import { fill, h } from '../dom.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import './data-view.js';
import { rehearsalMark } from './usage-facts.js';

class TaskOutcome extends HTMLElement {
  #shown = null;

  show({ state, details, view }) {
    const isFailed = state === 'FAILURE' && details.error;
    const isDone = state === 'SUCCESS' && view;
    this.hidden = !isFailed && !isDone;
    if (this.hidden || this.#shown === state) return;
    this.#shown = state;
    this.className = `panel outcome is-${state.toLowerCase()}`;
    fill(this, isDone ? resultOf(details) : failureOf(details.error));
  }
}

function resultOf(details) {
  const next = details.continued_as;
  const isNothing = details.final_result === null || details.final_result === undefined;
  return [
    h('h2', {}, text.task.result, details.usage?.rehearsal ? [' ', rehearsalMark()] : null),
    next ? h('p', {}, h('a', { href: toTask(next) }, text.task.continuedAs)) : null,
    isNothing ? (next ? null : h('p', { class: 'quiet' }, text.task.noResult)) : h('data-view', { '.value': details.final_result }),
  ];
}

/** Where, why, and what one can do about it. */
function failureOf(error) {
  const advice = text.advice[error.type];
  return [
    h('h2', {}, text.task.failed, error.step ? h('span', { class: 'outcome-where' }, ' ', text.task.failedAt(error.step, error.attempt)) : null),
    h('p', { class: 'outcome-error' }, error.message),
    h('p', { class: 'outcome-kind' }, h('code', {}, error.type), advice ? ` · ${advice}` : ''),
  ];
}

customElements.define('task-outcome', TaskOutcome);
