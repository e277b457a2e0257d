// <task-mails>: the mails and webhook calls of a task, each with its state.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { ago } from '../format.js';
import { toNotification } from '../route.js';
import { text } from '../text.js';
import { notificationMark } from './notification-mark.js';

class TaskMails extends HTMLElement {
  #state = null;
  #hasNone = false;

  /** Read again when the task's state changes: that is what mails are about. */
  follow(task) {
    if (!task.record || task.missing || task.state === this.#state || this.#hasNone) return;
    this.#state = task.state;
    this.#read(task.id);
  }

  async #read(id) {
    try {
      const { items } = await get(`/notifications?task=${encodeURIComponent(id)}`);
      this.#draw(items);
    } catch {
      // A server without notifications, or a caller who may not see them.
      this.#hasNone = true;
      this.hidden = true;
    }
  }

  #draw(items) {
    this.hidden = items.length === 0;
    this.className = 'panel';
    fill(this, h('h2', {}, text.outbox.heading), h('ul', { class: 'children' }, items.map((one) => h('li', {},
      notificationMark(one.state),
      h('a', { href: toNotification(one.id) }, one.subject ?? one.to),
      h('span', { class: 'quiet' }, ago(one.created_at))))));
  }
}

customElements.define('task-mails', TaskMails);
