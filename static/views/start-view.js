// Choose a flow, fill in its form, start it.
import { newKey, startTask } from "/static/api.js";
import { announce, h } from "/static/dom.js";
import { loadFlows } from "/static/flows.js";
import { chooseFlow, onPageState, openTask } from "/static/page-state.js";

class StartView extends HTMLElement {
  #flows = [];
  #shown = null;
  #list = h("div", { class: "flow-list", role: "radiogroup", "aria-labelledby": "start-heading" });
  #form = h("div", { class: "flow-form" });

  connectedCallback() {
    this.setAttribute("role", "region");
    this.append(h("h2", { id: "start-heading" }, "Start a flow"), this.#list, this.#form);
    this.#load();
  }

  async #load() {
    try {
      this.#flows = await loadFlows();
    } catch (error) {
      const again = h("button", { type: "button", class: "quiet", onclick: () => this.#load() }, "Try again");
      this.#list.replaceChildren(h("div", { class: "notice" }, h("p", {}, `The flows could not be loaded. ${error.message}.`), again));
      return;
    }
    this.#drawList();
    onPageState(({ flow }) => this.#show(flow));
    this.dispatchEvent(new CustomEvent("flows-loaded", { bubbles: true }));
  }

  #drawList() {
    if (this.#flows.length === 0) {
      this.#list.replaceChildren(h("p", { class: "notice" }, "No flow is registered in this server."));
      return;
    }
    const rows = this.#flows.map((flow) => {
      const input = h("input", { type: "radio", name: "flow", value: flow.name, class: "visually-hidden", onchange: () => chooseFlow(flow.name) });
      return h("label", { class: "flow" }, input, h("span", { class: "flow-title" }, flow.title || flow.name), h("span", { class: "flow-summary" }, flow.summary));
    });
    this.#list.replaceChildren(...rows);
  }

  #show(wanted) {
    const flow = this.#flows.find((one) => one.name === wanted) ?? this.#flows.find((one) => one.name === "tour_flow") ?? this.#flows[0];
    if (!flow || flow === this.#shown) return;
    this.#shown = flow;
    for (const input of this.#list.querySelectorAll("input")) input.checked = input.value === flow.name;
    const form = document.createElement("schema-form");
    form.show(flow.input_schema ?? {}, { action: "Start" });
    // The same key until an answer came: asking twice does not start twice.
    let key = newKey();
    form.addEventListener("answer", async (event) => {
      form.busy = true;
      try {
        const { task_id: task } = await startTask(flow.name, event.detail, key);
        key = newKey();
        announce(`${flow.title} started`);
        openTask(task);
      } catch (error) {
        // A refusal started nothing, and what is sent next will be another request.
        if (error.status >= 400 && error.status < 500) key = newKey();
        form.showErrors(inputErrors(error), [error.message, error.hint].filter(Boolean).join(" "));
      }
      form.busy = false;
    });
    this.#form.replaceChildren(form);
  }
}

/** Paths point into the request or into the inputs; a form knows only the latter. */
function inputErrors(error) {
  return error.errors.map(({ path, message }) => ({ path: (path ?? "").replace(/^\/inputs(?=\/|$)/, ""), message }));
}

customElements.define("start-view", StartView);
