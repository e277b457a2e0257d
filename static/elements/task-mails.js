// <task-mails>: the mails and webhook calls of a task, each with its state.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { keepFresh } from '../live/fresh.js';
import { toNotification } from '../route.js';
import { text } from '../text.js';
import { notificationMark } from './notification-mark.js';
import { subjectOf } from './notification-row.js';

const MOST = 20;
const OPEN = ['queued', 'sending', 'deferred'];

class TaskMails extends HTMLElement {
  #task = null;
  #stop = null;
  #state = null;

  connectedCallback() {
    this.hidden = true;
    if (this.#task) this.#begin();
  }

  disconnectedCallback() {
    this.#stop?.();
    this.#stop = null;
  }

  /** Read again when the task's state changes, that is what mails are about; and until none of them is on its way. */
  follow(task) {
    if (!task.record || task.missing || task.state === this.#state) return;
    this.#task = task.id;
    this.#state = task.state;
    if (this.#stop) this.#stop.soon();
    else if (this.isConnected) this.#begin();
  }

  #begin() {
    this.#stop ??= keepFresh(() => this.#read());
  }

  async #read() {
    const { items, next } = await get(`/notifications?task=${encodeURIComponent(this.#task)}&limit=${MOST}`);
    this.#draw(items, next !== null);
    return items.some((one) => OPEN.includes(one.state));
  }

  #draw(items, isMore) {
    const key = JSON.stringify(items.map((one) => [one.notification_id, one.state]));
    if (key === this.shown) return;
    this.shown = key;
    this.hidden = items.length === 0;
    this.className = 'panel';
    fill(this, h('h2', {}, text.outbox.ofThisTask), h('ul', { class: 'children' }, items.map((one) => h('li', {},
      notificationMark(one.state),
      h('a', { href: toNotification(one.notification_id), title: one.to }, subjectOf(one)),
      h('span', { class: 'quiet' }, text.outbox.state[one.state] ?? one.state)))),
    isMore ? h('a', { class: 'quiet', href: `#/outbox?task=${encodeURIComponent(this.#task)}` }, text.tasks.more) : null);
  }
}

customElements.define('task-mails', TaskMails);
