// Watches tasks. A browser opens about six connections to a host and a live stream keeps one, so only the newest few
// tasks are live; the others are asked every few seconds until a place is free.
import { getSnapshot, noteReachable, statusStream } from "/static/api.js";

const MOST_LIVE = 4;
const ASK_EVERY_MS = 2500;
const ENDED = new Set(["SUCCESS", "FAILURE", "CANCELLED"]);

export function isEnded(state) {
  return ENDED.has(state);
}

/** Newest first. */
const watches = [];

/**
 * `onView({ state, details }, seq)` for each snapshot; `onConnection` with `connecting`, `live`, `asking`, `lost`,
 * `ended` or `unknown` (there is no such task). Returns a function that ends it.
 */
export function watchTask(task, onView, onConnection) {
  const watch = new Watch(task, onView, onConnection);
  watches.unshift(watch);
  share();
  return () => {
    watch.stop();
    const at = watches.indexOf(watch);
    if (at >= 0) watches.splice(at, 1);
    share();
  };
}

/** Gives the live places to the newest tasks that have not ended. */
function share() {
  let free = MOST_LIVE;
  for (const watch of watches) {
    if (watch.over) continue;
    if (free > 0) {
      free -= 1;
      watch.listen();
    } else {
      watch.ask();
    }
  }
}

class Watch {
  constructor(task, onView, onConnection) {
    this.task = task;
    this.onView = onView;
    this.onConnection = onConnection;
    this.over = false;
    this.stream = null;
    this.timer = 0;
    this.failures = 0;
  }

  listen() {
    if (this.stream || this.over) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.onConnection("connecting");
    const stream = statusStream(this.task);
    this.stream = stream;
    stream.onopen = () => {
      noteReachable(true);
      this.failures = 0;
      this.onConnection("live");
    };
    stream.onmessage = (message) => this.take(JSON.parse(message.data), Number(message.lastEventId));
    stream.onerror = () => {
      if (this.over) return;
      this.onConnection("lost");
      // CONNECTING: the browser heals it by itself and goes on where it was. CLOSED: it got an answer that is no
      // stream and has given up, so we try.
      if (stream.readyState === EventSource.CLOSED) this.tryAgain();
    };
  }

  async tryAgain() {
    this.close();
    this.failures += 1;
    const pause = Math.min(500 * 2 ** this.failures, 15000);
    try {
      this.take(await getSnapshot(this.task), NaN);
    } catch (error) {
      if (error.status === 404) return this.end("unknown");
    }
    if (!this.over) this.timer = setTimeout(share, pause);
  }

  ask() {
    this.close();
    if (this.timer || this.over) return;
    const again = async () => {
      try {
        this.take(await getSnapshot(this.task), NaN);
        if (!this.over) this.onConnection("asking");
      } catch (error) {
        if (error.status === 404) return this.end("unknown");
        this.onConnection("lost");
      }
      if (!this.over && !this.stream) this.timer = setTimeout(again, ASK_EVERY_MS);
    };
    this.timer = setTimeout(again, 0);
  }

  take(view, seq) {
    if (this.over) return;
    this.onView(view, seq);
    if (isEnded(view.state)) this.end("ended");
  }

  end(how) {
    this.stop();
    this.onConnection(how);
    share();
  }

  stop() {
    this.over = true;
    clearTimeout(this.timer);
    this.close();
  }

  close() {
    this.stream?.close();
    this.stream = null;
  }
}
