// The logs of the tasks that were looked at last: what was read once is there when one comes back.

import { followLog } from '../live/stream.js';
import { TaskLog } from './task-log.js';

const MOST_KEPT = 4;

const kept = new Map();

export function logOf(id) {
  const log = kept.get(id) ?? new TaskLog(id);
  kept.delete(id);
  kept.set(id, log);
  // The one that was looked at longest ago goes.
  while (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return log;
}

/** Keeps the log up to date until the answer is called. One that has ended needs nobody. */
export function keepUp(log) {
  if (log.end) return () => {};
  let stop = () => {};
  const end = (how) => {
    stop(how);
    stop = () => {};
  };
  stop = followLog(log.id, () => log.seq, (event, letters) => {
    log.apply(event, letters);
    if (log.end) end({ isOver: true });
  });
  return () => end();
}
