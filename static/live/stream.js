// The one connection of this tab. Browsers allow about six per host, so all that is live comes over it: snapshots of
// the open tasks, the logs of those that are shown, and a word when lists have changed.
//
//   GET /stream?changes=1&task=<id>…&log=<id>@<number>…&after=<cursor>
//
// Opened anew when more is wanted, and from where it was: `after` is the last id that came, a log's number is that of
// its last event. So nothing comes twice and nothing is left out, whatever is cut and whoever is restarted.

import { parseJson } from '../exact.js';
import { KINDS } from '../log/kinds.js';
import { health } from './health.js';
import { Source } from './source.js';

/** A tab that nobody looks at lets go, so that many tabs do not use up the browser's connections. */
const HIDDEN_MS = 20_000;

const CHANGED = 'tasks.changed';
/** Comes when there is nothing else to say. */
const BEAT = 'beat';

const wanted = { tasks: new Set(), logs: new Map() };
const listeners = { view: null, refused: null, changed: new Set() };
let source = null;
let cursor = '';
let isDue = false;
let wasLost = false;
let letGo = null;

/** Who takes the snapshots, `(id, view)`, and who is asked what is wrong when the server refuses. */
export function takeSnapshots(onView, onRefused) {
  listeners.view = onView;
  listeners.refused = onRefused;
}

/** Watches exactly these tasks from now on. */
export function watchTasks(ids) {
  const hasNew = ids.some((id) => !wanted.tasks.has(id));
  wanted.tasks = new Set(ids);
  // What is wanted no more goes with the next opening: snapshots are few, and the server drops ended tasks by itself.
  if (hasNew) openSoon();
}

/**
 * Follows a task's log. `after()` is the number of the last event that is known. Answers what ends the following; after
 * the last event of a log the server has ended it already.
 */
export function followLog(id, after, take) {
  wanted.logs.set(id, { after, take });
  openSoon();
  return ({ isOver = false } = {}) => {
    wanted.logs.delete(id);
    if (!isOver) openSoon();
  };
}

/** Calls back when any task has come, changed its state or ended. Answers what ends the listening. */
export function onChanges(listener) {
  listeners.changed.add(listener);
  return () => listeners.changed.delete(listener);
}

/** All that is wanted in one moment makes one opening. */
function openSoon() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    open();
  });
}

function open() {
  source?.close();
  source = new Source(url, [...KINDS, CHANGED, BEAT], take, tell);
  // Also a tab that was opened behind others: of that no change is told.
  if (document.hidden) letGoSoon();
}

function letGoSoon() {
  clearTimeout(letGo);
  letGo = setTimeout(() => {
    source?.close();
    source = null;
  }, HIDDEN_MS);
}

function url() {
  const query = new URLSearchParams({ changes: '1' });
  for (const id of wanted.tasks) query.append('task', id);
  for (const [id, log] of wanted.logs) query.append('log', `${id}@${log.after()}`);
  if (cursor) query.set('after', cursor);
  return `/stream?${query}`;
}

function take(message) {
  if (message.lastEventId) cursor = message.lastEventId;
  if (message.type === BEAT) return;
  if (message.type === CHANGED) {
    listeners.changed.forEach((listener) => listener());
    return;
  }
  const { task, ...told } = parseJson(message.data);
  if (message.type === 'message') listeners.view?.(task, told);
  else wanted.logs.get(task)?.take(told, message.data.length);
}

function tell(state) {
  if (state === 'refused') listeners.refused?.();
  // A connection that is exchanged for another is not lost.
  if (state === 'connecting' && health.state !== 'lost') return;
  health.set(state === 'refused' ? 'lost' : state);
  if (state === 'live' && wasLost) listeners.changed.forEach((listener) => listener());
  wasLost = state !== 'live' && (wasLost || state !== 'connecting');
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(letGo);
  if (document.hidden) {
    letGoSoon();
    return;
  }
  if (!source) open();
  // Also after a short absence: what changed meanwhile was told to nobody who looked.
  listeners.changed.forEach((listener) => listener());
});
addEventListener('online', openSoon);
openSoon();
