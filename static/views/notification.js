// One notification: what became of it, and the mail itself: as its reader sees it, as text, and as it is.

import { get, post } from '../api.js';
import { fill, h } from '../dom.js';
import '../elements/data-view.js';
import { notificationBadge } from '../elements/notification-mark.js';
import { subjectOf } from '../elements/notification-row.js';
import { problemNote, problemWords } from '../elements/problem-note.js';
import { tabs } from '../elements/tabs.js';
import { moment, shortId } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { toTask } from '../route.js';
import { text } from '../text.js';

const RETRIED = ['failed', 'suppressed'];
const OPEN = ['queued', 'sending', 'deferred'];

export function notificationView(place, { name: id, onTitle }) {
  const view = new NotificationPage(place, id, onTitle);
  return { title: shortId(id), leave: keepFresh(() => view.read()) };
}

class NotificationPage {
  #shown = { state: '', mail: '' };

  constructor(place, id, onTitle) {
    Object.assign(this, { place, id, onTitle, path: `/notifications/${encodeURIComponent(id)}` });
  }

  async read() {
    try {
      const one = await get(this.path);
      this.#draw(one);
      return OPEN.includes(one.state);
    } catch (error) {
      if (error.isNetwork && this.#shown.state) throw error;
      const shown = error.status === 404 ? new Error(text.outbox.unknown) : error;
      fill(this.place, h('div', { class: 'page-head' }, this.#back(), h('h1', { tabindex: '-1' }, text.outbox.heading)), problemNote(shown));
      this.#shown = { state: '', mail: '' };
      return false;
    }
  }

  /** What is being read of the mail stays while its state changes. */
  #draw(one) {
    const { mail, event, ...state } = one;
    const shown = { state: JSON.stringify(state), mail: JSON.stringify([mail, event]) };
    if (shown.mail !== this.#shown.mail || !this.head) this.#lay(one);
    if (shown.state !== this.#shown.state) this.#drawState(one);
    this.#shown = shown;
  }

  #lay(one) {
    this.head = h('div', { class: 'page-head is-split' });
    this.why = h('div', { class: 'mail-problem' });
    this.facts = h('section', { class: 'panel', 'aria-label': text.task.details });
    this.#shown.state = '';
    fill(this.place, this.head, this.why, h('div', { class: 'columns' },
      h('section', { class: 'panel flow-tabs', 'aria-label': text.outbox.views }, content(one, this.path)),
      h('div', { class: 'side' }, this.facts)));
  }

  #drawState(one) {
    const problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    const name = subjectOf(one);
    this.onTitle(name);
    fill(this.head,
      h('div', {}, this.#back(), h('h1', { tabindex: '-1' }, name), h('p', { class: 'mail-state' }, notificationBadge(one.state), text.outbox.toWhom(one.to))),
      h('div', {}, h('div', { class: 'buttons' },
        one.mail?.text ? h('a', { class: 'button', href: `${this.path}/eml`, download: '' }, text.outbox.download) : null,
        RETRIED.includes(one.state) ? this.#retry(problem) : null), problem));
    fill(this.why, one.error && one.state !== 'sent'
      ? h('div', { class: `problem ${one.state === 'failed' ? '' : 'is-care'}` }, h('p', { class: 'problem-heading' }, text.outbox.error), h('p', {}, one.error)) : null);
    fill(this.facts, facts(one));
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
        fill(problem, problemWords(error));
        problem.hidden = false;
      }
      button.disabled = false;
    });
    return button;
  }
}

function facts(one) {
  const all = [
    [text.outbox.kind, text.outbox.channel[one.channel] ?? one.channel],
    [text.outbox.to, one.to],
    [text.outbox.task, one.task_id ? h('a', { href: toTask(one.task_id), class: 'id' }, shortId(one.task_id)) : null],
    [text.outbox.template, one.template ? h('code', {}, one.template) : null],
    [text.outbox.attempts, one.attempts > 0 ? String(one.attempts) : null],
    [text.outbox.created, moment(one.created_at)],
    [text.outbox.next, one.due_at && OPEN.includes(one.state) ? moment(one.due_at) : null],
    [text.outbox.endedAt[one.state] ?? text.task.ended, one.ended_at ? moment(one.ended_at) : null],
  ];
  return h('dl', { class: 'facts' }, all.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** The mail in the ways one can look at it; of a webhook call what it tells. */
function content({ mail, event }, path) {
  if (mail?.error) return h('p', {}, text.outbox.unmade, ' ', mail.error);
  const raw = (value) => h('pre', { class: 'data-raw is-wrapped is-whole', tabindex: '0' }, value);
  const panels = [
    mail?.html ? { name: text.outbox.rendered, panel: frame(path) } : null,
    mail?.text ? { name: text.outbox.text, panel: raw(mail.text) } : null,
    mail?.headers ? { name: text.outbox.headers, panel: headers(mail.headers) } : null,
    mail?.html ? { name: text.outbox.source, panel: raw(mail.html) } : null,
    event ? { name: text.outbox.event, panel: h('data-view', { '.value': event }) } : null,
  ];
  return tabs(text.outbox.views, panels.filter(Boolean));
}

/** Somebody else's markup: in a frame of its own that may run nothing and reach nothing. */
function frame(path) {
  return h('iframe', { class: 'mail-frame', sandbox: '', src: `${path}/html`, title: text.outbox.frame, referrerpolicy: 'no-referrer' });
}

function headers(pairs) {
  return h('dl', { class: 'facts mail-headers' }, pairs.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
