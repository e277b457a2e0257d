// <step-list>: a task's steps with their state and how long they took. Reads the task's log as it grows, at a pace
// of its own: the log is long where the snapshot is short.
import { listEvents } from "/static/api.js";
import { h, icon } from "/static/dom.js";
import { took } from "/static/elements/moment.js";
import { flowTitle } from "/static/flows.js";
import { openTask } from "/static/page-state.js";
import { TaskSteps } from "/static/task-steps.js";

const READ_EVERY_MS = 500;
const MOST_SHOWN = 60;

const STATES = {
  done: ["check", "done"],
  failed: ["cross", "failed"],
  cancelled: ["cross", "cancelled"],
  retrying: ["retry", "trying again"],
  waiting: ["clock", "waiting"],
  running: [null, "running"],
};

class StepList extends HTMLElement {
  #steps = new TaskSteps();
  #list = h("ol", { class: "steps" });
  #head = 0;
  #timer = 0;
  #reading = false;

  set task(task) {
    this.taskId = task;
    this.replaceChildren(h("h4", {}, "Steps"), this.#list);
    this.hidden = true;
  }

  /** There is news up to this sequence number; NaN when it is not known. */
  news(seq) {
    this.#head = Number.isNaN(seq) ? Infinity : Math.max(this.#head, seq);
    if (!this.#timer && !this.#reading) this.#timer = setTimeout(() => this.#read(), this.#steps.seq === 0 ? 0 : READ_EVERY_MS);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  async #read() {
    this.#timer = 0;
    this.#reading = true;
    try {
      while (!this.#steps.over && this.#steps.seq < this.#head) {
        const events = await listEvents(this.taskId, this.#steps.seq);
        if (events.length === 0) break;
        this.#steps.add(events);
      }
      this.#head = this.#steps.seq;
    } catch {
      // The next news asks again; the card says that the connection is lost.
    }
    this.#reading = false;
    this.#draw();
  }

  #draw() {
    const steps = [...this.#steps.steps.values()];
    const left = steps.length - MOST_SHOWN;
    const rows = steps.slice(-MOST_SHOWN).map(row);
    if (left > 0) rows.unshift(h("li", { class: "step more" }, `${left} earlier steps`));
    this.#list.replaceChildren(...rows);
    this.hidden = steps.length === 0;
  }
}

function row({ name, state, attempt, startedAt, endedAt, error, child }) {
  const [mark, word] = STATES[state] ?? STATES.running;
  const time = endedAt && startedAt ? took(endedAt - startedAt) : "";
  return h(
    "li",
    { class: `step ${state}`, title: error ?? undefined },
    h("span", { class: "step-mark" }, mark ? icon(mark) : h("span", { class: "spinner" }), h("span", { class: "visually-hidden" }, word)),
    child
      ? h("button", { type: "button", class: "link", onclick: () => openTask(child) }, flowTitle(name))
      : h("span", { class: "step-name" }, name),
    h("span", { class: "step-time" }, attempt > 1 ? h("span", { class: "attempts" }, `${attempt}×`) : null, time),
  );
}

customElements.define("step-list", StepList);
