// The steps of a task with the times of their attempts: a fold of its log, for the waterfall.

import { text } from './text.js';

export class Timeline {
  constructor() {
    this.clear();
  }

  clear() {
    /** By key, in the order in which they began: `{ name, state, attempts, error, spans: [{ from, to, state }] }`. */
    this.steps = new Map();
    this.start = Date.now();
    /** When the task ended; until then `null`. */
    this.end = null;
  }

  apply(event) {
    if (event.kind === 'log.reset') {
      this.clear();
      return;
    }
    const at = new Date(event.at).getTime();
    if (event.seq === 1) this.start = at;
    const [subject, verb] = event.kind.split('.');
    if (subject === 'step') this.#step(verb, event, at);
    else if (subject === 'task') this.#task(verb, at);
    else this.#wait(event, at);
  }

  #step(verb, event, at) {
    const name = event.name;
    switch (verb) {
      case 'started': this.#begin(event.step, name, at, 'running', event.attempt); break;
      case 'succeeded': this.#finish(event.step, at, 'succeeded'); break;
      case 'failed': this.#finish(event.step, at, 'failed', event.error?.message); break;
      case 'retrying': this.#finish(event.step, at, 'retrying', event.error?.message); break;
      case 'cancelled': this.#finish(event.step, at, 'cancelled'); break;
    }
  }

  #task(verb, at) {
    switch (verb) {
      // Whatever ran on a worker that is gone did not finish.
      case 'rescued': case 'released': this.#closeAll(at, 'cancelled', 'running'); break;
      case 'claimed': this.#closeSleeps(at); break;
      case 'succeeded': this.#ended(at, 'succeeded'); break;
      case 'failed': case 'cancelled': this.#ended(at, 'cancelled'); break;
    }
  }

  #wait(event, at) {
    switch (event.kind) {
      case 'timer.set': {
        const until = new Date(event.until).getTime();
        this.#begin(event.step, text.step.sleep, at, 'waiting', 1, until);
        break;
      }
      case 'signal.awaited': this.#begin(event.step, event.name, at, 'waiting', 1); break;
      case 'approval.asked': this.#begin(event.step, event.question, at, 'waiting', 1); break;
      case 'child.started': this.#begin(event.step, text.step.child(event.flow), at, 'waiting', 1); break;
      case 'child.ended':
        this.#finish(event.step, at, event.state === 'SUCCESS' ? 'succeeded' : 'failed', event.error?.message);
        break;
      case 'signal.consumed': case 'approval.answered': this.#finish(event.step, at, 'succeeded'); break;
    }
  }

  #begin(key, name, at, state, attempt, until) {
    const step = this.steps.get(key) ?? { name, state, attempts: 0, error: null, spans: [] };
    this.steps.set(key, step);
    close(step, at, 'cancelled');
    step.state = state;
    step.attempts = attempt ?? 1;
    step.spans.push({ from: at, to: null, until, state });
  }

  #finish(key, at, state, error) {
    const step = this.steps.get(key);
    if (!step) return;
    close(step, at, state === 'retrying' ? 'failed' : state);
    step.state = state;
    step.error = error ?? null;
  }

  #closeSleeps(at) {
    for (const step of this.steps.values()) {
      const last = step.spans[step.spans.length - 1];
      if (last.to === null && last.until && last.until <= at) {
        close(step, last.until, 'succeeded');
        step.state = 'succeeded';
      }
    }
  }

  #closeAll(at, state, only) {
    for (const step of this.steps.values()) {
      if (only && step.state !== only) continue;
      if (close(step, at, state) || step.state === 'retrying') step.state = state;
    }
  }

  #ended(at, state) {
    this.#closeSleeps(at);
    this.#closeAll(at, state);
    this.end = at;
  }
}

/** Ends the span that is open. Answers whether there was one. */
function close(step, at, state) {
  const last = step.spans[step.spans.length - 1];
  if (!last || last.to !== null) return false;
  last.to = at;
  // A wait that is over still is no work.
  last.state = last.state === 'waiting' && state === 'succeeded' ? 'waited' : state;
  return true;
}
