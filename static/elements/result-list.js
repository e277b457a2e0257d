// <result-list>: what the task has told, in order. Only what changed is drawn again.
import { h } from "/static/dom.js";
import { jsonView } from "/static/elements/json-view.js";

class ResultList extends HTMLElement {
  #texts = [];
  #omitted = 0;
  #note = h("p", { class: "omitted", hidden: true });
  #list = h("ol", { class: "results" });

  connectedCallback() {
    if (!this.#list.isConnected) this.append(this.#note, this.#list);
  }

  show(results, omitted = 0) {
    // The oldest fell out of the window: take as many away in front, the rest is where it was.
    const fallen = Math.min(Math.max(omitted - this.#omitted, 0), this.#texts.length);
    for (let count = 0; count < fallen; count += 1) this.#list.firstChild.remove();
    this.#texts.splice(0, fallen);
    this.#omitted = omitted;

    const texts = results.map((result) => JSON.stringify(result));
    let same = 0;
    while (same < texts.length && texts[same] === this.#texts[same]) same += 1;
    while (this.#list.children.length > same) this.#list.lastChild.remove();
    this.#list.append(...results.slice(same).map(draw));
    this.#texts = texts;
    this.#note.hidden = omitted === 0;
    this.#note.textContent = `${omitted} earlier entries are in the log`;
    this.hidden = results.length === 0;
  }
}

function draw(result) {
  if (result.type === "log") return logLine(result);
  if (result.type === "tool_result") return titled("result", result.step_name, result.tool, result.data);
  if (result.type === "custom") return titled("result custom", result.name, "", result.data);
  const { type, ...rest } = result;
  return titled("result custom", type ?? "result", "", rest);
}

function logLine({ message, level, unfinished }) {
  const kind = ["warn", "error"].includes(level) ? level : "info";
  return h(
    "li",
    { class: `log ${kind}${unfinished ? " unfinished" : ""}`, title: unfinished ? "From an attempt that did not finish" : undefined },
    kind === "info" ? null : h("span", { class: "visually-hidden" }, kind === "warn" ? "Warning: " : "Error: "),
    message ?? "",
  );
}

function titled(kind, name, detail, data) {
  return h(
    "li",
    { class: kind },
    h("p", { class: "result-title" }, name, detail ? h("span", {}, detail) : null),
    jsonView(data ?? null),
  );
}

customElements.define("result-list", ResultList);
