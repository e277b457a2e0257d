// <open-strip>: the tasks that are open, as a strip above the one that is shown, each live; a click turns to it.

import { fill, h, setText } from '../dom.js';
import { titleOf } from '../flows.js';
import { shortId } from '../format.js';
import { close, go, openTasks, toTask } from '../route.js';
import { task as taskOf } from '../tasks.js';
import { text } from '../text.js';
import './progress-line.js';
import { stateMark } from './state-badge.js';

class OpenStrip extends HTMLElement {
  #leave = [];

  connectedCallback() {
    this.#draw();
  }

  disconnectedCallback() {
    this.#forget();
  }

  #forget() {
    this.#leave.forEach((leave) => leave());
    this.#leave = [];
  }

  #draw() {
    this.#forget();
    const ids = openTasks();
    this.hidden = ids.length < 2;
    if (this.hidden) {
      fill(this);
      return;
    }
    const strip = h('nav', { class: 'strip', 'aria-label': text.task.others }, ids.map((id) => this.#chip(taskOf(id))));
    fill(this, strip);
    const shown = strip.querySelector('[aria-current]')?.parentElement;
    // Sideways only: the page itself must not move.
    if (shown) strip.scrollLeft = shown.offsetLeft - strip.offsetLeft - (strip.clientWidth - shown.clientWidth) / 2;
  }

  #chip(task) {
    const mark = h('span', { class: 'strip-mark' });
    const name = h('span', { class: 'strip-name' });
    const line = h('progress-line', { 'aria-hidden': 'true' });
    const link = h('a', { class: 'strip-link', href: toTask(task.id), 'aria-current': task.id === this.current ? 'page' : null }, mark, name, h('span', { class: 'id' }, shortId(task.id)));
    const closer = h('button', { type: 'button', class: 'strip-close', 'aria-label': text.tasks.close(shortId(task.id)), onclick: () => this.#close(task.id) }, '×');
    let state = null;
    const update = () => {
      setText(name, task.record ? titleOf(task.record.flow) : '…');
      line.show(task.progress, task.state);
      if (state !== task.state) fill(mark, stateMark(task.state));
      state = task.state;
    };
    task.addEventListener('change', update);
    this.#leave.push(() => task.removeEventListener('change', update));
    update();
    return h('div', { class: 'strip-item' }, link, closer, line);
  }

  #close(id) {
    const left = openTasks().filter((one) => one !== id);
    close(id);
    if (id === this.current) go(left.length > 0 ? toTask(left[left.length - 1]) : '#/tasks');
    else this.#draw();
  }
}

customElements.define('open-strip', OpenStrip);
