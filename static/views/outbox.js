// The outbox: mails and webhook calls with their state, filtered by it, live.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { notificationMark } from '../elements/notification-mark.js';
import { problemNote } from '../elements/problem-note.js';
import { ago, moment } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { setParameters, toNotification } from '../route.js';
import { text } from '../text.js';

const LIMIT = 100;
const OPEN = ['queued', 'sending', 'deferred'];

export function outboxView(place, { parameters }) {
  const state = h('select', { class: 'input is-small', 'aria-label': text.outbox.stateFilter },
    h('option', { value: '' }, text.outbox.allStates), Object.entries(text.outbox.state).map(([value, name]) => h('option', { value }, name)));
  state.value = parameters.get('state') ?? '';
  const list = h('ul', { class: 'task-list', 'aria-label': text.outbox.heading });
  const note = h('div', { class: 'list-note', hidden: true });
  const read = async () => {
    const query = new URLSearchParams({ limit: String(LIMIT), ...(state.value ? { state: state.value } : {}) });
    try {
      const { items } = await get(`/notifications?${query}`);
      fill(list, items.map(row));
      note.hidden = items.length > 0;
      fill(note, h('p', { class: 'nothing quiet' }, state.value ? text.outbox.notFound : text.outbox.none));
      return items.some((one) => OPEN.includes(one.state));
    } catch (error) {
      if (error.isNetwork) throw error;
      fill(note, error.status === 404 ? h('p', { class: 'nothing quiet' }, text.outbox.away) : problemNote(error));
      note.hidden = false;
      return false;
    }
  };
  fill(place,
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, text.outbox.heading), h('p', { class: 'lead' }, text.outbox.lead)),
    h('section', { class: 'panel is-flush', 'aria-label': text.outbox.heading }, h('div', { class: 'filters' }, h('div', { class: 'filter-row' }, state)), list, note));
  const leave = keepFresh(read);
  state.addEventListener('change', () => {
    setParameters({ state: state.value });
    leave.soon();
  });
  return { title: text.outbox.heading, leave };
}

function row(one) {
  const id = one.notification_id ?? one.id;
  return h('li', { class: 'recent-row' },
    notificationMark(one.state),
    h('a', { class: 'recent-link', href: toNotification(id) }, one.recipient ?? one.to),
    h('span', { class: 'recent-status' }, one.subject ?? one.template ?? text.outbox.channel[one.channel] ?? one.channel),
    h('span', { class: 'recent-took' }, text.outbox.state[one.state] ?? one.state),
    h('time', { class: 'recent-ago', datetime: one.created_at, title: moment(one.created_at) }, ago(one.created_at)));
}
