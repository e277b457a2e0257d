// What the server says of itself: its settings, and what may be done with it.

import { get } from './api.js';

let reading = null;

/** `{ version, can_stop_worker, items }` */
export function settings() {
  reading ??= get('/settings');
  reading.catch(() => { reading = null; });
  return reading;
}

/** Whether workers can be ended from the page, which is for demonstrations. */
export async function canStopWorker() {
  try {
    return (await settings()).can_stop_worker === true;
  } catch {
    return false;
  }
}
