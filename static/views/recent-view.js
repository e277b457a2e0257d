// The newest tasks of the server, to be opened again.
import { listTasks, onReachability } from "/static/api.js";
import { h } from "/static/dom.js";
import { STATE_WORDS } from "/static/elements/task-card.js";
import { flowTitle, loadFlows } from "/static/flows.js";
import { onPageState, openTask } from "/static/page-state.js";

const LOOK_EVERY_MS = 5000;

class RecentView extends HTMLElement {
  #items = [];
  #next = null;
  #open = [];
  #drawn = "";
  #soon = null;
  #list = h("ul", { class: "recent" });
  #more = h("button", { type: "button", class: "quiet small", hidden: true, onclick: () => this.#loadMore() }, "Show more");
  #note = h("p", { class: "muted", hidden: true });

  async connectedCallback() {
    this.setAttribute("role", "region");
    this.append(h("h2", { id: "recent-heading" }, "Recent"), this.#note, this.#list, this.#more);
    // Titles first, so that names do not turn into titles before the eye.
    await loadFlows().catch(() => {});
    onPageState(({ tasks }) => {
      const isNew = tasks.some((task) => !this.#open.includes(task));
      this.#open = tasks;
      if (isNew) this.#look();
      else this.#draw();
    });
    onReachability((reachable) => reachable && this.#look());
    document.addEventListener("visibilitychange", () => this.#look());
    document.addEventListener("task-moved", () => this.#lookSoon());
    setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  /** Once for many moves. */
  #lookSoon() {
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      this.#look();
    }, 250);
  }

  async #look() {
    if (document.hidden) return;
    try {
      const { items, next } = await listTasks({});
      const newest = new Set(items.map((task) => task.task_id));
      const older = this.#items.slice(items.length).filter((task) => !newest.has(task.task_id));
      this.#items = [...items, ...older];
      if (older.length === 0) this.#next = next;
      this.#note.hidden = true;
    } catch (error) {
      this.#note.textContent = `The list could not be loaded: ${error.message}`;
      this.#note.hidden = this.#items.length > 0;
    }
    this.#draw();
  }

  async #loadMore() {
    try {
      const { items, next } = await listTasks({ cursor: this.#next });
      this.#items.push(...items);
      this.#next = next;
      this.#draw();
    } catch {
      // The button is still there.
    }
  }

  #draw() {
    const state = JSON.stringify([this.#items.map((task) => [task.task_id, task.state, task.status]), this.#open]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    const focused = this.querySelector(":focus")?.dataset.task;
    this.#list.replaceChildren(...this.#items.map((task) => row(task, this.#open.includes(task.task_id))));
    this.#list.querySelector(`[data-task="${focused}"]`)?.focus();
    this.#more.hidden = !this.#next;
    this.hidden = this.#items.length === 0 && this.#note.hidden;
  }
}

function row(task, isOpen) {
  const { task_id: id, state, flow, status, created_at: at } = task;
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "recent-task", dataset: { task: id, state }, "aria-pressed": String(isOpen), onclick: () => openTask(id) },
      h("span", { class: "dot" }, h("span", { class: "visually-hidden" }, STATE_WORDS[state] ?? state)),
      h("span", { class: "recent-title" }, flowTitle(flow)),
      h("span", { class: "recent-status" }, state === "SUCCESS" ? "" : (status ?? "")),
      h("time-since", { at, class: "muted" }),
    ),
  );
}

customElements.define("recent-view", RecentView);
