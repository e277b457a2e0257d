// <wait-answer>: what a task waits for, and the means to answer: two buttons for an approval, a form for a signal.
import { sendSignal } from "/static/api.js";
import { announce, freshId, h, icon } from "/static/dom.js";
import { flowTitle } from "/static/flows.js";
import { openTask } from "/static/page-state.js";

class WaitAnswer extends HTMLElement {
  #error = h("p", { class: "field-error", role: "alert", hidden: true });

  show(task, wait) {
    this.task = task;
    this.wait = wait;
    this.className = `wait ${wait.kind}`;
    const body = { approval: () => this.#approval(), signal: () => this.#signal(), child: () => this.#child() }[wait.kind];
    this.replaceChildren(icon(["approval", "signal"].includes(wait.kind) ? "hand" : "clock"), h("div", { class: "wait-body" }, body?.() ?? this.#sleep(), this.#error));
    return this;
  }

  #until() {
    return this.wait.until ? h("time-until", { at: this.wait.until, class: "muted" }) : null;
  }

  #sleep() {
    return h("p", {}, "Sleeping, parked ", this.#until());
  }

  #child() {
    const { child, name } = this.wait;
    const link = child ? h("button", { type: "button", class: "link", onclick: () => openTask(child) }, flowTitle(name)) : h("strong", {}, name);
    return h("p", {}, "Waiting for ", link, " ", this.#until());
  }

  #approval() {
    const comment = h("input", { type: "text", id: freshId("comment"), placeholder: "Comment (optional)", "aria-label": "Comment", autocomplete: "off" });
    const answer = (approved) => this.#send({ approved, comment: comment.value.trim() || null });
    return h(
      "div",
      { role: "group", "aria-label": this.wait.question ?? "Approval" },
      h("p", { class: "question" }, this.wait.question ?? "Approve?", " ", this.#until()),
      h(
        "div",
        { class: "wait-actions" },
        comment,
        h("button", { type: "button", class: "primary", onclick: () => answer(true) }, icon("check"), "Approve"),
        h("button", { type: "button", class: "quiet", onclick: () => answer(false) }, icon("cross"), "Refuse"),
      ),
    );
  }

  #signal() {
    const form = document.createElement("schema-form");
    form.show(this.wait.schema ?? {}, { action: "Send", tabs: false });
    form.addEventListener("answer", (event) => this.#send(event.detail, form));
    return h("div", {}, h("p", { class: "question" }, this.wait.question ?? `Waiting for “${this.wait.name}” `, this.#until()), form);
  }

  async #send(value, form) {
    const buttons = [...this.querySelectorAll("button")];
    buttons.forEach((button) => (button.disabled = true));
    this.#error.hidden = true;
    try {
      await sendSignal(this.task, this.wait.name, value);
      announce("Answered");
      this.classList.add("answered");
    } catch (error) {
      buttons.forEach((button) => (button.disabled = false));
      if (form && error.errors.length) return form.showErrors(error.errors);
      this.#error.textContent = [error.message, error.hint].filter(Boolean).join(" ");
      this.#error.hidden = false;
    }
  }
}

customElements.define("wait-answer", WaitAnswer);
