// The tasks that are being watched, one card each, newest first.
import { h } from "/static/dom.js";
import { onPageState } from "/static/page-state.js";

class TasksView extends HTMLElement {
  #cards = new Map();
  #list = h("div", { class: "cards" });
  #count = h("span", { class: "count" });
  #empty = h(
    "div",
    { class: "empty" },
    h("p", { class: "empty-title" }, "Nothing is being watched"),
    h("p", {}, "Start a flow, or choose one of the recent tasks. A task goes on whether this page is open or not."),
  );

  connectedCallback() {
    this.setAttribute("role", "region");
    this.append(h("h2", { id: "tasks-heading", tabIndex: -1 }, "Tasks ", this.#count), this.#empty, this.#list);
    onPageState(({ tasks, opened }) => {
      this.#show(tasks);
      if (opened) this.#bringIntoSight(this.#cards.get(opened));
    });
  }

  #show(tasks) {
    for (const [task, card] of this.#cards) {
      if (tasks.includes(task)) continue;
      card.remove();
      this.#cards.delete(task);
    }
    // From the last to the first, so that cards that stay are not moved: moving one would end its watch.
    let next = null;
    for (const task of [...tasks].reverse()) {
      const card = this.#cards.get(task) ?? this.#make(task);
      if (card.parentNode !== this.#list || card.nextSibling !== next) this.#list.insertBefore(card, next);
      next = card;
    }
    this.#empty.hidden = tasks.length > 0;
    this.#count.textContent = tasks.length > 1 ? String(tasks.length) : "";
  }

  /** On a narrow page the cards stand below a long form. */
  #bringIntoSight(card) {
    const { top } = card.getBoundingClientRect();
    if (top < 0 || top > innerHeight - 160) card.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  #make(task) {
    const card = document.createElement("task-card");
    card.task = task;
    this.#cards.set(task, card);
    return card;
  }
}

customElements.define("tasks-view", TasksView);
