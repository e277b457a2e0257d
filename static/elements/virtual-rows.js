// Rows of one height of which only those that are seen are made: a list of fifty thousand costs as much as one of fifty.
//
//   const rows = new VirtualRows(scroller, { height, make, draw });
//   rows.show(count)
//
// `make()` makes an empty row, `draw(row, index)` fills it. Rows are used again for other indexes.

import { h } from '../dom.js';

const AROUND = 6;

export class VirtualRows {
  #frame = 0;
  #rows = [];
  #count = 0;

  constructor(scroller, { height, make, draw }) {
    this.scroller = scroller;
    this.height = height;
    this.make = make;
    this.draw = draw;
    this.space = h('div', { class: 'virtual-space', role: 'presentation' });
    scroller.append(this.space);
    scroller.addEventListener('scroll', () => this.#later(), { passive: true });
    this.sizes = new ResizeObserver(() => this.#later());
    this.sizes.observe(scroller);
  }

  get count() {
    return this.#count;
  }

  /** Draws all again that is seen. Who is at the end stays there if `sticks`. */
  show(count, { sticks = false } = {}) {
    const { scroller } = this;
    const wasAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < this.height * 1.5;
    if (count !== this.#count) {
      this.#count = count;
      this.space.style.height = `${count * this.height}px`;
    }
    if (sticks && wasAtEnd) scroller.scrollTop = scroller.scrollHeight;
    this.#draw();
  }

  scrollTo(index, { center = false } = {}) {
    const top = index * this.height;
    const { scroller } = this;
    if (center) scroller.scrollTop = top - scroller.clientHeight / 2;
    else if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + this.height - scroller.clientHeight;
    this.#draw();
  }

  /** The row that shows this index now, if any does. */
  rowOf(index) {
    return this.#rows.find((row) => row.at === index)?.row ?? null;
  }

  #later() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { scroller, height } = this;
    const from = Math.max(0, Math.floor(scroller.scrollTop / height) - AROUND);
    const to = Math.min(this.#count, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + AROUND);
    const free = this.#rows.filter(({ at }) => at < from || at >= to);
    const shown = new Map(this.#rows.filter(({ at }) => at >= from && at < to).map((one) => [one.at, one]));
    for (let at = from; at < to; at += 1) {
      let one = shown.get(at);
      if (!one) {
        one = free.pop() ?? this.#add();
        one.at = at;
        one.row.node.style.transform = `translateY(${at * height}px)`;
        one.row.node.hidden = false;
      }
      this.draw(one.row, at);
    }
    for (const one of free) {
      one.at = -1;
      one.row.node.hidden = true;
    }
  }

  #add() {
    const row = this.make();
    row.node.classList.add('virtual-row');
    row.node.style.height = `${this.height}px`;
    this.space.append(row.node);
    const one = { at: -1, row };
    this.#rows.push(one);
    return one;
  }
}
