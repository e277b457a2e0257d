// <text-streams>: texts as they are written, word by word. Follows the end unless the reader has scrolled away.
import { h } from "/static/dom.js";

class TextStreams extends HTMLElement {
  #streams = new Map();

  show(streams, isRunning) {
    for (const [label, stream] of this.#streams) {
      if (label in streams) continue;
      stream.element.remove();
      this.#streams.delete(label);
    }
    for (const [label, text] of Object.entries(streams)) {
      if (!this.#streams.has(label)) this.#add(label);
      this.#write(this.#streams.get(label), text);
    }
    this.hidden = this.#streams.size === 0;
    this.classList.toggle("running", isRunning);
  }

  #add(label) {
    const body = h("div", { class: "stream-text", tabIndex: 0, role: "log", "aria-label": label, "aria-live": "off" });
    const node = document.createTextNode("");
    body.append(node);
    const element = h("figure", { class: "stream" }, h("figcaption", {}, label), body);
    this.#streams.set(label, { element, body, node });
    this.append(element);
  }

  #write({ body, node }, text) {
    if (node.data === text) return;
    const follows = body.scrollHeight - body.scrollTop - body.clientHeight < 24;
    // Only new words are touched, so that a selection in the older ones stays.
    if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
    else node.data = text;
    if (follows) body.scrollTop = body.scrollHeight;
  }
}

customElements.define("text-streams", TextStreams);
