// Keeps what a view shows of the server fresh: reads it when something has changed, now and then while something runs, and
// not at all while nobody looks.

import { onChanges } from './stream.js';

const LEAST_MS = 700;
const BUSY_MS = 2000;
const IDLE_MS = 15_000;

/** `read()` answers whether something is going on that no change is told of. The answer ends it. */
export function keepFresh(read) {
  let timer = null;
  let last = 0;
  let isReading = false;
  let isOver = false;
  let again = false;

  const run = async () => {
    clearTimeout(timer);
    if (isReading) {
      again = true;
      return;
    }
    isReading = true;
    last = Date.now();
    let busy = false;
    // What cannot be read now is read the next time; the mark at the top says when the server is gone.
    if (!document.hidden) busy = await read().catch(() => false);
    isReading = false;
    if (!isOver) plan(again ? LEAST_MS : busy ? BUSY_MS : IDLE_MS);
    again = false;
  };
  const plan = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  };
  const soon = () => {
    if (isReading) again = true;
    else plan(Math.max(0, last + LEAST_MS - Date.now()));
  };
  const stopListening = onChanges(soon);
  run();
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    stopListening();
  };
  stop.soon = soon;
  return stop;
}
