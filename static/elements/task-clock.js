// How long a task has been at it, as a sentence's end: it changes while one watches.

import { serverNow } from '../clock.js';
import { duration, wholeSeconds } from '../format.js';
import { text } from '../text.js';

export function taskClock({ record, ended }) {
  if (!record) return '';
  const at = (name) => (record[name] ? new Date(record[name]).getTime() : null);
  const [created, started, end] = ['created_at', 'started_at', 'ended_at'].map(at);
  if (ended && end) return `${text.task.took} ${duration(end - (started ?? created))}`;
  if (ended) return '';
  return started ? text.task.soFar(wholeSeconds(serverNow() - started)) : `${text.task.inLine} ${wholeSeconds(serverNow() - created)}`;
}
