// <task-card>: one task, watched: its state and progress, what it asks, its steps, what it told, what came out.
import { getTask } from "/static/api.js";
import { announce, freshId, h, icon, oncePerFrame } from "/static/dom.js";
import { jsonView } from "/static/elements/json-view.js";
import { flowTitle } from "/static/flows.js";
import { closeTask } from "/static/page-state.js";
import { isEnded, watchTask } from "/static/task-watch.js";

export const STATE_WORDS = {
  PENDING: "In line",
  PROGRESS: "Running",
  WAITING: "Waiting",
  PAUSED: "Paused",
  SUCCESS: "Succeeded",
  FAILURE: "Failed",
  CANCELLED: "Cancelled",
};

const CONNECTION_WORDS = {
  connecting: "connecting…",
  live: "live",
  asking: "every few seconds",
  lost: "connection lost, trying again…",
  ended: "",
  unknown: "",
};

class TaskCard extends HTMLElement {
  #view = null;
  #unwatch = null;
  #drawSoon = oncePerFrame(() => this.#draw());
  #waits = "";
  #outcome = "";

  set task(task) {
    this.taskId = task;
    this.dataset.task = task;
  }

  connectedCallback() {
    if (!this.firstChild) this.#build();
    this.#unwatch = watchTask(
      this.taskId,
      (view, seq) => this.#take(view, seq),
      (connection) => this.#connection(connection),
    );
    this.#fetchFlow();
  }

  disconnectedCallback() {
    this.#unwatch?.();
  }

  #build() {
    const headingId = freshId("task");
    this.setAttribute("role", "article");
    this.setAttribute("aria-labelledby", headingId);
    this.badge = h("span", { class: "badge" });
    this.heading = h("h3", { id: headingId }, "Task");
    this.live = h("span", { class: "live" });
    this.controls = h("task-controls");
    this.controls.taskId = this.taskId;
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-labelledby": headingId }, h("span"));
    this.status = h("p", { class: "status" }, "Loading…");
    this.percent = h("span", { class: "percent" });
    this.refusal = h("p", { class: "field-error", role: "alert", hidden: true });
    this.waits = h("div", { class: "waits" });
    this.steps = h("step-list");
    this.steps.task = this.taskId;
    this.streams = h("text-streams", { hidden: true });
    this.results = h("result-list", { hidden: true });
    this.outcome = h("section", { class: "outcome", hidden: true });
    this.addEventListener("refused", (event) => {
      this.refusal.textContent = event.detail;
      this.refusal.hidden = !event.detail;
    });
    const close = h("button", { type: "button", class: "quiet icon-only", "aria-label": "Close this card; the task goes on", title: "Close", onclick: () => closeTask(this.taskId) }, icon("close"));
    this.append(
      h("header", { class: "card-head" }, this.badge, h("div", { class: "card-title" }, this.heading, this.#idButton()), this.controls, close),
      this.bar,
      h("div", { class: "status-row" }, this.status, this.live, this.percent),
      this.refusal,
      this.waits,
      h("div", { class: "card-body" }, this.steps, h("div", { class: "told" }, this.outcome, this.streams, this.results)),
    );
  }

  #idButton() {
    const short = h("button", { type: "button", class: "id", title: `Copy ${this.taskId}`, "aria-label": "Copy the task's id" }, this.taskId.slice(0, 8), icon("copy"));
    short.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(this.taskId);
        announce("Copied");
        short.classList.add("copied");
        setTimeout(() => short.classList.remove("copied"), 1200);
      } catch {
        // Not allowed over plain http from another host; the title shows the whole id.
      }
    });
    return short;
  }

  async #fetchFlow() {
    try {
      const task = await getTask(this.taskId);
      this.heading.textContent = flowTitle(task.flow);
    } catch {
      // The heading stays what it is; the watch says when the task is unknown.
    }
  }

  #take(view, seq) {
    if (this.#view && isEnded(view.state) && !isEnded(this.#view.state)) announce(`${this.heading.textContent}: ${STATE_WORDS[view.state]}`);
    if (this.#view?.state !== view.state) this.dispatchEvent(new CustomEvent("task-moved", { bubbles: true }));
    this.#view = view;
    this.steps.news(isEnded(view.state) ? NaN : seq);
    this.#drawSoon();
  }

  #connection(connection) {
    this.live.textContent = CONNECTION_WORDS[connection];
    this.live.dataset.connection = connection;
    if (connection !== "unknown") return;
    this.badge.textContent = "Unknown";
    this.dataset.state = "CANCELLED";
    this.status.textContent = "This server has no such task, or has forgotten it.";
  }

  #draw() {
    const { state, details } = this.#view;
    this.dataset.state = state;
    this.badge.textContent = STATE_WORDS[state] ?? state;
    this.controls.state = state;
    // A question is asked once, by the element that takes the answer.
    const isAsked = details.waiting?.some((wait) => wait.question === details.status);
    this.status.textContent = isAsked ? "Waiting for an answer" : details.status;
    this.percent.textContent = `${details.progress} %`;
    this.bar.setAttribute("aria-valuenow", details.progress);
    this.bar.firstChild.style.setProperty("--progress", details.progress / 100);
    this.streams.show(details.streams ?? {}, state === "PROGRESS");
    this.results.show(details.step_results ?? [], details.omitted);
    this.#drawWaits(details.waiting ?? []);
    this.#drawOutcome(state, details);
  }

  /** A form that somebody is filling in must not be drawn anew, so only when the waits are others. */
  #drawWaits(waits) {
    const which = JSON.stringify(waits.map((wait) => [wait.kind, wait.id]));
    if (which === this.#waits) return;
    this.#waits = which;
    const kept = new Map([...this.waits.children].map((element) => [element.wait.id, element]));
    this.waits.replaceChildren(...waits.map((wait) => kept.get(wait.id) ?? document.createElement("wait-answer").show(this.taskId, wait)));
  }

  #drawOutcome(state, details) {
    const which = JSON.stringify([state, details.error, details.final_result]);
    if (which === this.#outcome) return;
    this.#outcome = which;
    this.outcome.hidden = true;
    if (state === "FAILURE" && details.error) {
      const { message, step, attempt, type } = details.error;
      const where = step ? `${step}${attempt > 1 ? `, attempt ${attempt}` : ""}` : type;
      this.outcome.replaceChildren(h("h4", {}, "Error"), h("p", { class: "error-text" }, message), h("p", { class: "muted" }, where ?? ""));
      this.outcome.hidden = false;
    } else if (state === "SUCCESS" && details.final_result !== null && details.final_result !== undefined) {
      this.outcome.replaceChildren(h("h4", {}, "Result"), jsonView(details.final_result));
      this.outcome.hidden = false;
    }
    this.outcome.classList.toggle("failed", state === "FAILURE");
  }
}

customElements.define("task-card", TaskCard);
