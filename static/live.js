// The live connection: one EventSource for all tasks that are watched, and one for the log of the task that is open.
// Browsers allow about six connections per host, so a tab never takes more than these two.

import { isEnded } from './format.js';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

/** The kinds of events that the list of steps is made of. Streamed text comes with the snapshots. */
const LOG_KINDS = [
  'task.created', 'task.claimed', 'task.waiting', 'task.paused', 'task.resumed', 'task.retrying', 'task.rescued',
  'task.released', 'task.cancelling', 'task.succeeded', 'task.failed', 'task.cancelled', 'step.started',
  'step.succeeded', 'step.failed', 'step.retrying', 'step.cancelled', 'signal.awaited', 'signal.consumed',
  'approval.asked', 'approval.answered', 'timer.set', 'child.started', 'child.ended', 'log.reset',
];
const LAST_KINDS = ['task.succeeded', 'task.failed', 'task.cancelled'];

/** How the connection is: `idle`, `connecting`, `live` or `lost`. Fires `change`. */
class Health extends EventTarget {
  state = 'idle';

  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

export const health = new Health();

/** An EventSource that comes back even when the browser gives up, as it does after a refusal by a proxy. */
class Source {
  constructor(url, listen, onState) {
    /** Asked at each opening: what is watched may have become less. */
    this.url = url;
    this.listen = listen;
    this.onState = onState;
    this.retryMs = FIRST_RETRY_MS;
    this.open();
  }

  open() {
    const source = new EventSource(this.url());
    this.source = source;
    this.onState('connecting');
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      this.onState('live');
    };
    source.onerror = () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      if (isRefused) this.comeBack();
      this.onState('lost', isRefused);
    };
    this.listen(source);
  }

  comeBack() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
  }
}

/** The snapshots of many tasks. `onView(id, view)` is called for each that comes, `onRefused` when there are none. */
export class Snapshots {
  constructor(onView, onRefused) {
    this.onView = onView;
    this.onRefused = onRefused;
    this.ids = [];
    this.source = null;
    addEventListener('online', () => this.restart());
  }

  /** Watches exactly these from now on. */
  watch(ids) {
    const hasNew = ids.some((id) => !this.ids.includes(id));
    this.ids = [...ids];
    // The server drops ended tasks by itself: fewer tasks need no new connection, unless none is left.
    if (hasNew || (ids.length === 0 && this.source)) this.restart();
  }

  restart() {
    this.source?.close();
    this.source = null;
    if (this.ids.length === 0) {
      health.set('idle');
      return;
    }
    const url = () => `/stream?${this.ids.map((id) => `task=${encodeURIComponent(id)}`).join('&')}`;
    this.source = new Source(url, (source) => this.listen(source), (state, isRefused) => {
      this.tell(state);
      // A task may have been forgotten, or have ended while nobody listened.
      if (isRefused) this.onRefused();
    });
  }

  listen(source) {
    source.onmessage = (message) => {
      const { task, ...view } = JSON.parse(message.data);
      // Told first: whoever hears of the end takes the task out of what is watched.
      this.onView(task, view);
      if (isEnded(view.state)) this.watch(this.ids.filter((id) => id !== task));
    };
  }

  tell(state) {
    // A set of tasks that is exchanged is not a connection that is lost.
    const isFirst = state === 'connecting' && health.state !== 'idle';
    if (!isFirst) health.set(state);
  }
}

/** Follows one task's log, from its first event. Answers what ends the following. */
export function followLog(id, onEvent) {
  let ended = false;
  const take = (message) => {
    const event = JSON.parse(message.data);
    if (LAST_KINDS.includes(event.kind)) {
      ended = true;
      following.close();
    }
    onEvent(event);
  };
  const listen = (source) => LOG_KINDS.forEach((kind) => source.addEventListener(kind, take));
  const url = () => `/task-status/${encodeURIComponent(id)}?view=events`;
  const following = new Source(url, listen, (state) => {
    // A new connection begins at 1 again, so what is known must go.
    if (state === 'connecting' && !ended) onEvent({ kind: 'log.reset' });
  });
  return () => following.close();
}
