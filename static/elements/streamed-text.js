// <streamed-text>: text that appears as it is written. Only what is new is added, so that a selection stays and
// long texts cost nothing.

import { fill, h } from '../dom.js';

class StreamedText extends HTMLElement {
  #node = document.createTextNode('');
  #body = h('div', { class: 'stream-text' });
  #label = h('h2', { class: 'stream-label' });

  connectedCallback() {
    if (this.firstChild) return;
    this.#body.append(this.#node);
    fill(this, this.#label, this.#body);
  }

  show(label, value, isWriting) {
    this.#label.textContent = label;
    const old = this.#node.data;
    const sticks = this.#body.scrollHeight - this.#body.scrollTop - this.#body.clientHeight < 24;
    if (value.startsWith(old)) this.#node.appendData(value.slice(old.length));
    else this.#node.data = value;
    this.className = isWriting ? 'stream is-writing' : 'stream';
    if (sticks) this.#body.scrollTop = this.#body.scrollHeight;
  }
}

customElements.define('streamed-text', StreamedText);
