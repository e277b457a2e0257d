// One notification: what became of it, and the mail itself: as its reader sees it, as text, and as it is.

import { get, post } from '../api.js';
import { fill, h } from '../dom.js';
import '../elements/data-view.js';
import { notificationMark } from '../elements/notification-mark.js';
import { problemNote } from '../elements/problem-note.js';
import { tabs } from '../elements/tabs.js';
import { moment, shortId } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { toTask } from '../route.js';
import { text } from '../text.js';

const RETRIED = ['failed', 'suppressed'];

export function notificationView(place, { name: id }) {
  const view = new NotificationPage(place, id);
  return { title: shortId(id), leave: keepFresh(() => view.read()) };
}

class NotificationPage {
  #shown = '';

  constructor(place, id) {
    Object.assign(this, { place, id, path: `/notifications/${encodeURIComponent(id)}` });
  }

  async read() {
    try {
      const one = await get(this.path);
      const shown = JSON.stringify(one);
      if (shown !== this.#shown) this.#draw(one);
      this.#shown = shown;
      return ['queued', 'sending', 'deferred'].includes(one.state);
    } catch (error) {
      if (error.isNetwork && this.#shown) throw error;
      const shown = error.status === 404 ? new Error(text.outbox.unknown) : error;
      fill(this.place, h('div', { class: 'page-head' }, this.#back(), h('h1', { tabindex: '-1' }, text.outbox.heading)), problemNote(shown));
      return false;
    }
  }

  #draw(one) {
    const problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    fill(this.place,
      h('div', { class: 'page-head is-split' },
        h('div', {}, this.#back(), h('h1', { tabindex: '-1' }, one.subject ?? one.recipient ?? one.to),
          h('p', { class: 'mail-state' }, notificationMark(one.state), ' ', text.outbox.state[one.state] ?? one.state)),
        RETRIED.includes(one.state) ? h('div', {}, this.#retry(problem), problem) : null),
      one.error ? h('div', { class: 'problem' }, h('p', { class: 'problem-heading' }, text.outbox.error), h('p', {}, typeof one.error === 'string' ? one.error : one.error.message)) : null,
      h('div', { class: 'columns' }, this.#mail(one), h('div', { class: 'side' }, h('section', { class: 'panel' }, this.#facts(one)))));
  }

  #back() {
    return h('a', { class: 'back', href: '#/outbox' }, h('span', { 'aria-hidden': 'true' }, '← '), text.outbox.back);
  }

  #retry(problem) {
    const button = h('button', { type: 'button', class: 'button is-primary' }, text.outbox.retry);
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        await post(`${this.path}/retry`);
        await this.read();
      } catch (error) {
        problem.textContent = [error.message, error.hint].filter(Boolean).join(' ');
        problem.hidden = false;
      }
      button.disabled = false;
    });
    return button;
  }

  #facts(one) {
    const task = one.task ?? one.task_id;
    const facts = [
      [text.outbox.to, one.recipient ?? one.to],
      [text.outbox.subject, one.subject],
      [text.outbox.task, task ? h('a', { href: toTask(task), class: 'id' }, shortId(task)) : null],
      [text.outbox.attempts, one.attempts],
      [text.outbox.created, one.created_at ? moment(one.created_at) : null],
      [text.outbox.sentAt, one.sent_at ? moment(one.sent_at) : null],
      [text.outbox.next, one.due_at && ['queued', 'deferred'].includes(one.state) ? moment(one.due_at) : null],
    ];
    return h('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
  }

  #mail(one) {
    const panels = [
      one.html ? { name: text.outbox.rendered, panel: this.#frame() } : null,
      one.text ? { name: text.outbox.text, panel: h('pre', { class: 'data-raw is-wrapped', tabindex: '0' }, one.text) } : null,
      one.html ? { name: text.outbox.source, panel: h('pre', { class: 'data-raw', tabindex: '0' }, one.html) } : null,
      one.headers ? { name: text.outbox.headers, panel: h('data-view', { '.value': one.headers }) } : null,
      one.body ? { name: text.outbox.body, panel: h('data-view', { '.value': one.body }) } : null,
    ].filter(Boolean);
    return h('section', { class: 'panel', 'aria-label': text.outbox.views }, panels.length > 0 ? tabs(text.outbox.views, panels) : null);
  }

  /** Somebody else's markup: in a frame of its own that may run nothing and reach nothing. */
  #frame() {
    return h('iframe', { class: 'mail-frame', sandbox: '', src: `${this.path}/html`, title: text.outbox.frame, loading: 'lazy', referrerpolicy: 'no-referrer' });
  }
}
