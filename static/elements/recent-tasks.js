// <recent-tasks>: the newest tasks, all or of one flow, live.

import { get } from '../api.js';
import { serverNow } from '../clock.js';
import { fill, h } from '../dom.js';
import { isEnded } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { text } from '../text.js';
import { rowKey, taskRow } from './task-row.js';

const PAGE = 10;

class RecentTasks extends HTMLElement {
  flow = null;
  #shown = null;
  #stop = null;

  connectedCallback() {
    this.list = h('ul', { class: 'recent' });
    this.note = h('p', { class: 'quiet', hidden: true }, text.tasks.none);
    fill(this, this.list, this.note);
    this.#stop = keepFresh(() => this.#read());
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  async #read() {
    const query = new URLSearchParams({ limit: String(PAGE), ...(this.flow ? { flow: this.flow } : {}) });
    const { items } = await get(`/tasks?${query}`);
    this.#draw(items);
    return items.some((item) => !isEnded(item.state));
  }

  #draw(items) {
    this.note.hidden = items.length > 0;
    const now = serverNow();
    const shown = items.map((item) => rowKey(item, now)).join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    fill(this.list, items.map((item) => h('li', { class: 'recent-row' }, taskRow(item, now, { isOfOneFlow: Boolean(this.flow) }))));
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

customElements.define('recent-tasks', RecentTasks);
