// The state of a notification as a mark with a word.

import { h } from '../dom.js';
import { text } from '../text.js';
import { stateMark } from './state-badge.js';

const LIKE = { queued: 'PENDING', sending: 'PROGRESS', sent: 'SUCCESS', deferred: 'WAITING', failed: 'FAILURE', suppressed: 'CANCELLED' };

/** The mark alone, for lists. */
export function notificationMark(state) {
  return stateMark(likeOf(state), wordOf(state));
}

/** The mark and its word. */
export function notificationBadge(state) {
  const mark = stateMark(likeOf(state));
  mark.setAttribute('aria-hidden', 'true');
  return h('span', { class: `badge is-${likeOf(state).toLowerCase()}` }, mark, h('span', {}, wordOf(state)));
}

function likeOf(state) {
  return LIKE[state] ?? 'PENDING';
}

function wordOf(state) {
  return text.outbox.state[state] ?? state;
}
