// A step of a task, or a wait, a sleep, a child: one row of the timeline, and what is known of it.

export class Step {
  /** What is told of it, as numbers into the log's entries. */
  entries = [];
  /** `{ from, to, until, state, attempt, error }`: each attempt, each wait. `to` is null while it lasts. */
  spans = [];
  state = 'running';
  attempts = 0;
  error = null;
  /** When the next attempt begins, while it waits for that. */
  retryAt = null;
  /** The text that it has streamed. */
  text = '';
  usage = null;
  /** The number of the event that holds its result. */
  resultAt = null;
  child = null;
  flow = null;

  constructor(key, name, kind) {
    this.key = key;
    this.name = name;
    /** step, sleep, signal, approval or child */
    this.kind = kind;
    /** The scopes that it stands in: branches, items of a map. */
    this.scope = scopeOf(key.split('/').slice(0, -2));
  }

  get first() {
    return this.spans[0];
  }

  get last() {
    return this.spans[this.spans.length - 1];
  }

  /** From the first attempt's begin to the last one's end. */
  took(now) {
    if (!this.first) return 0;
    return Math.max(0, (this.last.to ?? now) - this.first.from);
  }

  begin(at, attempt, state, until) {
    this.close(at, 'cancelled');
    this.state = state;
    this.attempts = Math.max(this.attempts, attempt);
    this.retryAt = null;
    this.spans.push({ from: at, to: null, until, state, attempt, error: null });
  }

  /** Ends what is open. Answers whether there was anything. */
  close(at, state, error = null) {
    const { last } = this;
    if (!last || last.to !== null) return false;
    last.to = Math.max(at, last.from);
    last.error = error;
    // A wait that is over was no work.
    last.state = last.state === 'waiting' && state === 'succeeded' ? 'waited' : state;
    return true;
  }

  finish(at, state, error) {
    this.close(at, state === 'retrying' ? 'failed' : state, error);
    this.state = state;
    this.error = error ?? null;
  }

  addUsage({ prompt_tokens: prompt = 0, completion_tokens: completion = 0, cost, model, rehearsal }) {
    const sum = this.usage ?? { calls: 0, prompt: 0, completion: 0, cost: null, models: new Set(), rehearsal: false };
    sum.calls += 1;
    sum.prompt += prompt;
    sum.completion += completion;
    if (typeof cost === 'number') sum.cost = (sum.cost ?? 0) + cost;
    if (model) sum.models.add(model);
    sum.rehearsal ||= Boolean(rehearsal);
    this.usage = sum;
  }
}

/** `Visit/1/0` is the first item of the first map of this name: `Visit · 1`; of a second one it is `Visit 2 · 1`. */
function scopeOf(parts) {
  const isNumber = (part) => /^\d+$/.test(part ?? '');
  return parts.reduce((words, part, at) => {
    if (!isNumber(part)) return words ? `${words} / ${part}` : part;
    if (isNumber(parts[at - 1])) return `${words} · ${Number(part) + 1}`;
    return part === '1' ? words : `${words} ${part}`;
  }, '');
}
