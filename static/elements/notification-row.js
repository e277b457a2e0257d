// A notification as a line of a list: its state, what it says, to whom, about which task, since when.

import { h } from '../dom.js';
import { ago, moment } from '../format.js';
import { toNotification } from '../route.js';
import { text } from '../text.js';
import { notificationMark } from './notification-mark.js';

/** `key` is the same as long as the line is. */
export function notificationRow(one, now) {
  const name = subjectOf(one);
  const when = ago(one.created_at, now);
  const make = () => h('li', { class: 'recent-row' },
    notificationMark(one.state),
    h('a', { class: 'recent-link', href: toNotification(one.notification_id) }, name),
    h('span', { class: 'recent-status' }, one.to, one.error && one.state !== 'sent' ? h('span', { class: 'mail-why' }, ` · ${one.error}`) : null),
    h('span', { class: 'recent-took' }, text.outbox.state[one.state] ?? one.state),
    h('time', { class: 'recent-ago', datetime: one.created_at, title: moment(one.created_at) }, when));
  return { key: JSON.stringify([one.notification_id, one.state, one.error, name, when]), make };
}

/** What it is called: a mail by its subject. */
export function subjectOf(one) {
  return one.mail?.subject || one.subject || one.template || (text.outbox.channel[one.channel] ?? one.channel);
}
