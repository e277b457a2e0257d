// <recent-tasks>: the newest tasks, all or of one flow, kept fresh while they are seen.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { ago, duration, isEnded, moment, shortId } from '../format.js';
import { titleOf } from '../flows.js';
import { toTask } from '../route.js';
import { text } from '../text.js';
import { stateMark } from './state-badge.js';

const BUSY_MS = 2000;
const IDLE_MS = 10_000;
const PAGE = 12;

class RecentTasks extends HTMLElement {
  flow = null;
  #limit = PAGE;
  #timer = null;
  #shown = '';

  connectedCallback() {
    this.list = h('ul', { class: 'recent' });
    this.note = h('div', { class: 'recent-note', hidden: true });
    this.more = h('button', { type: 'button', class: 'button is-small is-quiet', hidden: true, onclick: () => this.#showMore() }, text.tasks.more);
    fill(this, this.list, this.note, this.more);
    this.#read();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #showMore() {
    this.#limit = Math.min(this.#limit * 3, 200);
    this.#read();
  }

  async #read() {
    clearTimeout(this.#timer);
    let busy = false;
    if (!document.hidden) {
      try {
        const query = new URLSearchParams({ limit: String(this.#limit), ...(this.flow ? { flow: this.flow } : {}) });
        const { items, next } = await get(`/tasks?${query}`);
        busy = items.some((item) => !isEnded(item.state));
        this.#draw(items, next);
      } catch {
        // The next reading tries again; the view around says when the server is gone.
      }
    }
    if (this.isConnected) this.#timer = setTimeout(() => this.#read(), busy ? BUSY_MS : IDLE_MS);
  }

  #draw(items, next) {
    this.more.hidden = !next || this.#limit >= 200;
    this.note.hidden = items.length > 0;
    if (items.length === 0) fill(this.note, h('p', {}, text.tasks.none), this.flow ? null : h('p', {}, text.tasks.noneLead));
    const now = Date.now();
    // Times go on by themselves, so they belong to what is compared.
    const shown = JSON.stringify(items.map((item) => [item.task_id, titleOf(item.flow), item.state, item.status, item.progress, ago(item.created_at, now)]));
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = document.activeElement?.getAttribute('href');
    fill(this.list, items.map((item) => row(item, now, Boolean(this.flow))));
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function row(item, now, isOfOneFlow) {
  const took = item.ended_at && item.started_at ? duration(new Date(item.ended_at) - new Date(item.started_at)) : '';
  const running = !isEnded(item.state) && item.progress > 0 ? `${item.progress} %` : '';
  return h('li', { class: 'recent-row' },
    stateMark(item.state),
    h('a', { class: 'recent-link', href: toTask(item.task_id) },
      isOfOneFlow ? null : h('span', { class: 'recent-title' }, titleOf(item.flow)), ' ', h('span', { class: 'id' }, shortId(item.task_id))),
    h('span', { class: 'recent-status' }, item.status),
    h('span', { class: 'recent-took' }, running || took),
    h('time', { class: 'recent-ago', datetime: item.created_at, title: moment(item.created_at) }, ago(item.created_at, now)));
}

customElements.define('recent-tasks', RecentTasks);
