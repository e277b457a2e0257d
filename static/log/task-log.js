// A task's log, folded: its entries for the raw view, its steps for the timeline, with all that was told of each.
//
// Fires `change`, at most once per frame, however fast the events come. What is large is kept by its number only and
// read again when somebody opens it.

import { get } from '../api.js';
import { serverNow } from '../clock.js';
import { soon } from '../soon.js';
import { text } from '../text.js';
import { LAST_KINDS } from './kinds.js';
import { Step } from './step.js';

/** Events beyond this many letters are not kept in memory. */
const LARGE = 16_384;

export class TaskLog extends EventTarget {
  #isDue = false;

  constructor(id) {
    super();
    this.id = id;
    this.#clear();
  }

  #clear() {
    /** The number of the last event. */
    this.seq = 0;
    /** `{ seq, at, kind, step, attempt, event }`; `event` is null when it is large. Chunks of text are not in it. */
    this.entries = [];
    /** By key, in the order in which they began. */
    this.steps = new Map();
    this.start = serverNow();
    /** When the task ended; until then null. */
    this.end = null;
    /** How often it was taken over from a worker that was gone. */
    this.takeovers = [];
  }

  /** Takes in the next event. What is known already is left out, so that it may be told again. */
  apply(event, letters = 0) {
    if (event.kind === 'log.reset') {
      this.#clear();
      this.#changed();
      return;
    }
    if (event.seq <= this.seq) return;
    this.seq = event.seq;
    const at = new Date(event.at).getTime();
    if (event.seq === 1) this.start = at;
    this.#fold(event, at);
    if (event.kind !== 'chunk') this.#keep(event, at, letters);
    if (LAST_KINDS.includes(event.kind)) this.end = at;
    this.#changed();
  }

  /** The entry of this number. They are in order, but not without gaps. */
  entry(seq) {
    let from = 0;
    let to = this.entries.length - 1;
    while (from <= to) {
      const middle = (from + to) >> 1;
      const found = this.entries[middle];
      if (found.seq === seq) return found;
      if (found.seq < seq) from = middle + 1;
      else to = middle - 1;
    }
    return null;
  }

  /** An event as the server has it, for one that was too large to keep. */
  async read(seq) {
    const { items } = await get(`/tasks/${encodeURIComponent(this.id)}/events?after=${seq - 1}&limit=1`);
    return items[0];
  }

  #keep(event, at, letters) {
    const entry = { seq: event.seq, at, kind: event.kind, step: event.step ?? null, attempt: event.attempt ?? null, event };
    if (letters > LARGE) entry.event = null;
    this.entries.push(entry);
    const step = this.steps.get(event.step);
    if (step) step.entries.push(entry.seq);
  }

  #fold(event, at) {
    const [subject, verb] = event.kind.split('.');
    if (subject === 'step') this.#step(verb, event, at);
    else if (subject === 'task') this.#task(verb, event, at);
    else this.#other(event, at);
  }

  #step(verb, event, at) {
    if (verb === 'started') {
      const step = this.#find(event.step, event.name, 'step');
      step.text = '';
      step.begin(at, event.attempt, 'running');
      return;
    }
    const step = this.#find(event.step, event.name, 'step');
    if (verb === 'succeeded') {
      // In a task that goes on from another one, steps may be there that never began here.
      if (step.spans.length === 0) step.begin(at, event.attempt ?? 1, 'running');
      step.resultAt = event.seq;
    } else {
      // The words of an attempt that did not finish are void.
      step.text = '';
    }
    step.finish(at, verb, event.error);
    if (verb === 'retrying') step.retryAt = new Date(event.retry_at).getTime();
  }

  #task(verb, event, at) {
    switch (verb) {
      case 'claimed': this.#closeSleeps(at); break;
      case 'rescued':
        this.takeovers.push(at);
        this.#closeAll(at, 'cancelled', 'running');
        break;
      // Whatever ran on a worker that let go did not finish.
      case 'released': this.#closeAll(at, 'cancelled', 'running'); break;
      case 'succeeded': this.#ended(at, 'succeeded'); break;
      case 'failed': case 'cancelled': this.#ended(at, 'cancelled'); break;
    }
  }

  #other(event, at) {
    switch (event.kind) {
      case 'chunk': this.#find(event.step, event.step, 'step').text += event.text; break;
      case 'chunk.reset': this.#find(event.step, event.step, 'step').text = ''; break;
      case 'usage': if (event.step) this.#find(event.step, event.step, 'step').addUsage(event); break;
      case 'timer.set': {
        const until = new Date(event.until).getTime();
        this.#find(event.step, text.step.sleep, 'sleep').begin(at, 1, 'waiting', until);
        break;
      }
      case 'signal.awaited': this.#find(event.step, event.question ?? event.name, 'signal').begin(at, 1, 'waiting'); break;
      case 'approval.asked': this.#find(event.step, event.question, 'approval').begin(at, 1, 'waiting'); break;
      case 'child.started': {
        const step = this.#find(event.step, event.flow, 'child');
        Object.assign(step, { child: event.child, flow: event.flow });
        step.begin(at, 1, 'waiting');
        break;
      }
      case 'child.ended': {
        const step = this.#find(event.step, event.flow ?? event.step, 'child');
        step.finish(at, event.state === 'SUCCESS' ? 'succeeded' : event.state === 'CANCELLED' ? 'cancelled' : 'failed', event.error);
        step.resultAt = event.seq;
        break;
      }
      case 'signal.consumed': case 'approval.answered': this.steps.get(event.step)?.finish(at, 'succeeded'); break;
    }
  }

  #find(key, name, kind) {
    let step = this.steps.get(key);
    if (!step) {
      step = new Step(key, name, kind);
      this.steps.set(key, step);
    }
    return step;
  }

  #closeSleeps(at) {
    for (const step of this.steps.values()) {
      const { last } = step;
      if (last && last.to === null && last.until && last.until <= at) step.finish(last.until, 'succeeded');
    }
  }

  #closeAll(at, state, only) {
    for (const step of this.steps.values()) {
      if (only && step.state !== only) continue;
      if (step.close(at, state) || step.state === 'retrying') step.state = state;
    }
  }

  #ended(at, state) {
    this.#closeSleeps(at);
    this.#closeAll(at, state);
  }

  #changed() {
    if (this.#isDue) return;
    this.#isDue = true;
    soon(() => {
      this.#isDue = false;
      this.dispatchEvent(new Event('change'));
    });
  }
}
