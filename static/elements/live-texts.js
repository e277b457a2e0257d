// <live-texts>: what a task's steps write, word by word, as Markdown. Those that write stand first; of those that are done
// only the newest stay.

import { fill, h, setText } from '../dom.js';
import { text } from '../text.js';
import './markdown-text.js';

const MOST_DONE = 3;

class LiveTexts extends HTMLElement {
  #shown = new Map();

  /** `without` are texts that are shown elsewhere. */
  show(log, without) {
    const steps = [...log.steps.values()].filter((step) => step.text !== '' && !without.includes(step.text));
    const writing = steps.filter((step) => step.state === 'running');
    const done = steps.filter((step) => step.state !== 'running').slice(-MOST_DONE);
    const wanted = [...done, ...writing];
    this.hidden = wanted.length === 0;
    for (const [key, one] of this.#shown) {
      if (wanted.some((step) => step.key === key)) continue;
      one.node.remove();
      this.#shown.delete(key);
    }
    for (const step of wanted) this.#draw(step);
  }

  #draw(step) {
    let one = this.#shown.get(step.key);
    if (!one) {
      one = makeText();
      this.#shown.set(step.key, one);
      this.append(one.node);
    }
    const isWriting = step.state === 'running';
    const { body } = one;
    const sticks = body.scrollHeight - body.scrollTop - body.clientHeight < 32;
    setText(one.label, step.name);
    one.node.classList.toggle('is-writing', isWriting);
    setText(one.mark, isWriting ? text.step.writing : '');
    one.text.text = step.text;
    if (sticks && isWriting) body.scrollTop = body.scrollHeight;
  }
}

function makeText() {
  const label = h('h2', { class: 'stream-label' });
  const mark = h('span', { class: 'stream-mark' });
  const written = h('markdown-text');
  const body = h('div', { class: 'stream-text', tabindex: '0', role: 'group' }, written);
  const node = h('section', { class: 'stream' }, h('div', { class: 'stream-head' }, label, mark), body);
  return { node, label, mark, body, text: written };
}

customElements.define('live-texts', LiveTexts);
