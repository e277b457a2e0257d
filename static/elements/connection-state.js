// <connection-state>: says when the server cannot be reached, and that it is back.
import { listTasks, noteReachable, onReachability } from "/static/api.js";
import { announce, h } from "/static/dom.js";

const TRY_EVERY_MS = 3000;

class ConnectionState extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#show(true);
    onReachability((reachable) => this.#show(reachable));
    addEventListener("offline", () => noteReachable(false));
    addEventListener("online", () => this.#try());
  }

  #show(reachable) {
    clearTimeout(this.#timer);
    this.className = reachable ? "connection" : "connection lost";
    this.replaceChildren(h("span", { class: "dot" }), reachable ? "Connected" : "Connection lost, trying again…");
    if (reachable) return;
    announce("The connection to the server is lost. Trying again.");
    this.#timer = setTimeout(() => this.#try(), TRY_EVERY_MS);
  }

  async #try() {
    try {
      await listTasks({ limit: 1 });
    } catch (error) {
      // An answer, even a refusal, is a connection; the call has already noted it.
      if (error.status === 0) this.#timer = setTimeout(() => this.#try(), TRY_EVERY_MS);
    }
  }
}

customElements.define("connection-state", ConnectionState);
