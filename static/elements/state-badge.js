// <state-badge>: a task's state as a word with a mark; never by colour alone.

import { fill, h, svg } from '../dom.js';
import { text } from '../text.js';

const MARKS = {
  PENDING: 'M8 4.500V8l2.200 1.600',
  PROGRESS: '',
  WAITING: 'M6.200 5.500v5M9.800 5.500v5',
  PAUSED: 'M6.200 5.500v5M9.800 5.500v5',
  SUCCESS: 'M5 8.300l2.100 2.200L11.200 6',
  FAILURE: 'M5.800 5.800l4.400 4.400M10.200 5.800l-4.400 4.400',
  CANCELLED: 'M5 8h6',
};

/** The mark alone, for lists. */
export function stateMark(state, label = text.state[state] ?? state) {
  return svg('svg', { class: `mark is-${String(state).toLowerCase()}`, viewBox: '0 0 16 16', role: 'img', 'aria-label': label },
    svg('circle', { class: 'mark-ring', cx: 8, cy: 8, r: 6.25 }),
    state === 'PROGRESS' ? svg('circle', { class: 'mark-core', cx: 8, cy: 8, r: 2.6 }) : svg('path', { d: MARKS[state] ?? '' }));
}

class StateBadge extends HTMLElement {
  #state = null;

  set state(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.className = `badge is-${state.toLowerCase()}`;
    const mark = stateMark(state);
    mark.setAttribute('aria-hidden', 'true');
    fill(this, mark, h('span', {}, text.state[state] ?? state));
  }
}

customElements.define('state-badge', StateBadge);
