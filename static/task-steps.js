// The steps of a task, folded from its log: what ran, how often, for how long.

export class TaskSteps {
  constructor() {
    this.seq = 0;
    this.over = false;
    /** Step key → { name, state, attempt, startedAt, endedAt, error }, in the order in which they began. */
    this.steps = new Map();
  }

  /** Folds events in; those that are known already are passed over. */
  add(events) {
    for (const event of events) {
      if (event.seq <= this.seq) continue;
      this.seq = event.seq;
      this.#apply(event);
    }
  }

  #apply(event) {
    const at = Date.parse(event.at);
    switch (event.kind) {
      case "step.started": {
        const known = this.steps.get(event.step);
        this.#set(event.step, { name: event.name, state: "running", attempt: event.attempt, startedAt: known?.startedAt ?? at, endedAt: null, error: null });
        break;
      }
      case "step.succeeded":
        this.#end(event, "done", at);
        break;
      case "step.failed":
        this.#end(event, "failed", at);
        break;
      case "step.cancelled":
        this.#end(event, "cancelled", at);
        break;
      case "step.retrying":
        this.#set(event.step, { name: event.name, state: "retrying", attempt: event.attempt, error: event.error?.message });
        break;
      case "timer.set":
        this.#set(event.step, { name: "Sleep", state: "waiting", attempt: 1, startedAt: at, until: event.until });
        break;
      case "signal.awaited":
        this.#set(event.step, { name: `Wait for ${event.name}`, state: "waiting", attempt: 1, startedAt: at });
        break;
      case "approval.asked":
        this.#set(event.step, { name: "Approval", state: "waiting", attempt: 1, startedAt: at });
        break;
      case "signal.consumed":
      case "approval.answered":
        this.#end({ ...event, name: undefined }, "done", at);
        break;
      case "child.started":
        this.#set(event.step, { name: event.flow, state: "waiting", attempt: 1, startedAt: at, child: event.child });
        break;
      case "child.ended":
        this.#end(event, event.state === "SUCCESS" ? "done" : "failed", at);
        break;
      case "task.succeeded":
      case "task.failed":
      case "task.cancelled":
        this.over = true;
        for (const step of this.steps.values()) {
          if (["running", "retrying", "waiting"].includes(step.state)) this.#close(step, event.kind === "task.succeeded" ? "done" : "cancelled", at);
        }
        break;
      default:
        break;
    }
    this.#endTimers(at);
  }

  #set(key, step) {
    this.steps.set(key, { ...this.steps.get(key), ...step });
  }

  #end(event, state, at) {
    const step = this.steps.get(event.step) ?? { name: event.name ?? event.step, attempt: event.attempt ?? 1, startedAt: at };
    this.steps.set(event.step, step);
    step.attempt = event.attempt ?? step.attempt;
    step.error = event.error?.message ?? null;
    this.#close(step, state, at);
  }

  #close(step, state, at) {
    step.state = state;
    step.endedAt = at;
  }

  /** A timer's end is no event of its own: what comes after it tells that it is over. */
  #endTimers(now) {
    for (const step of this.steps.values()) {
      const until = step.until && Date.parse(step.until);
      if (step.state === "waiting" && until && until <= now) this.#close(step, "done", until);
    }
  }
}
