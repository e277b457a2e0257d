// The tasks that this tab has open: what is known of each, kept up by the live connection.

import { get } from './api.js';
import { isEnded } from './format.js';
import { takeSnapshots, watchTasks } from './live/stream.js';
import { soon } from './soon.js';

/** While nobody looks, the title of the tab is all that must be right. */
const HIDDEN_MS = 15_000;
const AGAIN_MS = 3000;

/** One task. Fires `change`, at most once per frame, however fast the snapshots come. */
class Task extends EventTarget {
  /** As lists show it: flow, times, state. */
  record = null;
  /** The newest snapshot: `{ state, details }`. */
  view = null;
  /** The server does not know it. */
  missing = false;
  /** Why it cannot be read. */
  problem = null;
  /** When it is read again, after it could not be. */
  again = 0;
  /** How often it was asked for, and the newest of those readings that was answered. */
  asked = 0;
  taken = 0;
  #isDue = false;

  constructor(id) {
    super();
    this.id = id;
  }

  get state() {
    return this.view?.state ?? this.record?.state ?? 'PENDING';
  }

  get details() {
    return this.view?.details ?? {};
  }

  get status() {
    return this.details.status ?? this.record?.status ?? '';
  }

  get progress() {
    return this.details.progress ?? this.record?.progress ?? 0;
  }

  get waiting() {
    return this.details.waiting ?? this.record?.waiting ?? [];
  }

  get ended() {
    return isEnded(this.state);
  }

  /** Waits that a person can end. */
  get questions() {
    return this.ended ? [] : this.waiting.filter((wait) => wait.kind === 'approval' || wait.kind === 'signal');
  }

  changed() {
    if (this.#isDue) return;
    this.#isDue = true;
    soon(() => {
      this.#isDue = false;
      this.dispatchEvent(new Event('change'));
    });
  }
}

const known = new Map();
let watched = [];

/** The task of this id; what is known of it comes by and by. */
export function task(id) {
  let found = known.get(id);
  if (!found) {
    found = new Task(id);
    known.set(id, found);
    load(found);
  }
  return found;
}

/** Keeps exactly these up to date. */
export function watch(ids) {
  watched = [...ids];
  watched.forEach(task);
  // Whoever still shows one of the others has it in hand.
  for (const id of known.keys()) if (!watched.includes(id)) known.delete(id);
  follow();
}

/** Has everything that shows a task draw it again, as when the flows' titles have come. */
export function redraw() {
  known.forEach((one) => one.changed());
}

/** Reads a task's record again, after something was done to it. */
export async function reload(id) {
  await load(task(id));
}

async function load(one) {
  one.asked += 1;
  const mine = one.asked;
  /** Whether one that was asked for later has been answered already. */
  const isOld = () => {
    if (mine < one.taken) return true;
    one.taken = mine;
    return false;
  };
  try {
    const { details, ...record } = await get(`/tasks/${encodeURIComponent(one.id)}`);
    if (isOld()) return;
    one.record = record;
    one.missing = false;
    one.problem = null;
    // What came live is as new or newer, except that a task whose end is known changes no more.
    if (!one.view || isEnded(record.state)) one.view = { state: record.state, details };
  } catch (error) {
    if (isOld()) return;
    one.missing = error.status === 404 || error.status === 400;
    one.problem = one.missing ? null : error;
    // One trial at a time, whoever asked, and none for what nobody watches.
    clearTimeout(one.again);
    if (!one.missing && known.get(one.id) === one) one.again = setTimeout(() => load(one), AGAIN_MS);
  }
  one.changed();
  follow();
}

/** Only what exists and has not ended needs the connection. */
function follow() {
  watchTasks(openOnes().map((one) => one.id));
}

function openOnes() {
  return watched.map((id) => known.get(id)).filter((one) => one?.record && !one.missing && !one.ended);
}

function receive(id, view) {
  const one = known.get(id);
  if (!one) return;
  const before = one.state;
  one.view = view;
  one.changed();
  // Its times, and who runs it, are in the record.
  if (before !== view.state) load(one);
}

takeSnapshots(receive, () => openOnes().forEach(load));
setInterval(() => document.hidden && openOnes().forEach(load), HIDDEN_MS);
