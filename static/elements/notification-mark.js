// The state of a notification as a mark with a word.

import { text } from '../text.js';
import { stateMark } from './state-badge.js';

const LIKE = { queued: 'PENDING', sending: 'PROGRESS', sent: 'SUCCESS', deferred: 'WAITING', failed: 'FAILURE', suppressed: 'CANCELLED' };

export function notificationMark(state) {
  return stateMark(LIKE[state] ?? 'PENDING', text.outbox.state[state] ?? state);
}
