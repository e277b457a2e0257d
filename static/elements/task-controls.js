// <task-controls>: what can be done to a task in its state.
import { controlTask } from "/static/api.js";
import { announce, h, icon } from "/static/dom.js";
import { openTask } from "/static/page-state.js";

const CONTROLS = {
  pause: { icon: "pause", label: "Pause", states: ["PENDING", "PROGRESS", "WAITING"], said: "Pausing" },
  resume: { icon: "play", label: "Resume", states: ["PAUSED"], said: "Resumed" },
  retry: { icon: "retry", label: "Retry", states: ["FAILURE", "CANCELLED"], said: "Started again as a new task" },
  cancel: { icon: "close", label: "Cancel", states: ["PENDING", "PROGRESS", "WAITING", "PAUSED"], said: "Cancelling" },
};

class TaskControls extends HTMLElement {
  #state = null;
  #buttons = {};

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", "Control");
    for (const [name, control] of Object.entries(CONTROLS)) {
      this.#buttons[name] = h("button", { type: "button", class: `quiet small ${name}`, onclick: () => this.#do(name) }, icon(control.icon), h("span", {}, control.label));
    }
    this.append(...Object.values(this.#buttons));
    this.state = this.#state;
  }

  set state(state) {
    this.#state = state;
    for (const [name, button] of Object.entries(this.#buttons)) {
      button.hidden = !CONTROLS[name].states.includes(state);
      button.disabled = false;
    }
  }

  async #do(name) {
    const button = this.#buttons[name];
    button.disabled = true;
    this.dispatchEvent(new CustomEvent("refused", { detail: "", bubbles: true }));
    try {
      const answer = await controlTask(this.taskId, name);
      announce(CONTROLS[name].said);
      if (name === "retry") openTask(answer.task_id);
    } catch (error) {
      button.disabled = false;
      const detail = [error.message, error.hint].filter(Boolean).join(" ");
      this.dispatchEvent(new CustomEvent("refused", { detail, bubbles: true }));
    }
  }
}

customElements.define("task-controls", TaskControls);
