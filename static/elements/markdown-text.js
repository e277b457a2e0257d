// <markdown-text>: a text as Markdown. While it grows, blocks that are finished are left alone: a selection stays, and a
// long text costs no more than its last lines.

import { fill } from '../dom.js';
import { blocksOf } from '../markdown/blocks.js';
import { nodeOf } from '../markdown/render.js';

/** What comes next may still change these: a table's head is a paragraph until its rule comes. */
const UNSETTLED = 2;

class MarkdownText extends HTMLElement {
  #text = '';
  /** `{ source, node }` */
  #blocks = [];
  /** So many letters are settled, in so many blocks. */
  #settled = { letters: 0, blocks: 0 };

  connectedCallback() {
    this.classList.add('markdown');
  }

  set text(text) {
    if (text === this.#text) return;
    if (!text.startsWith(this.#text)) this.#forget();
    this.#text = text;
    const { letters, blocks: kept } = this.#settled;
    const fresh = blocksOf(text.slice(letters));
    let same = kept;
    while (same < this.#blocks.length && same - kept < fresh.length && this.#blocks[same].source === fresh[same - kept].source) same += 1;
    this.#blocks.splice(same).forEach((block) => block.node.remove());
    for (const block of fresh.slice(same - kept)) {
      const node = nodeOf(block, 0);
      this.#blocks.push({ source: block.source, node });
      this.append(node);
    }
    this.#settle(fresh);
  }

  get text() {
    return this.#text;
  }

  #forget() {
    this.#blocks = [];
    this.#settled = { letters: 0, blocks: 0 };
    fill(this);
  }

  /** All but the last blocks will not change any more. */
  #settle(fresh) {
    const done = fresh.length - UNSETTLED;
    if (done < 1) return;
    let from = this.#settled.letters;
    for (const block of fresh.slice(0, done)) from = this.#text.indexOf(block.source, from) + block.source.length;
    this.#settled = { letters: from, blocks: this.#settled.blocks + done };
  }
}

customElements.define('markdown-text', MarkdownText);
