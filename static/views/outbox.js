// The outbox: mails and webhook calls, each with what became of it, live, filtered by state, kind, address and task.

import { serverNow } from '../clock.js';
import { fill, h } from '../dom.js';
import { notificationRow } from '../elements/notification-row.js';
import { problemNote } from '../elements/problem-note.js';
import { shortId } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { moreThan, readPages } from '../pages.js';
import { setParameters } from '../route.js';
import { text } from '../text.js';

const PAGE = 50;
const TYPING_MS = 250;
/** More happens to these without anybody's doing. */
const OPEN = ['queued', 'sending', 'deferred'];

export function outboxView(place, { parameters }) {
  const outbox = new Outbox(parameters);
  fill(place,
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, text.outbox.heading), h('p', { class: 'lead' }, text.outbox.lead)),
    h('section', { class: 'panel is-flush', 'aria-label': text.outbox.heading }, outbox.filters, outbox.list, outbox.note, outbox.more));
  return { title: text.outbox.heading, leave: outbox.leave };
}

class Outbox {
  #limit = PAGE;
  #shown = null;
  #reading = 0;

  constructor(parameters) {
    this.list = h('ul', { class: 'task-list is-mails', 'aria-label': text.outbox.heading });
    this.note = h('div', { class: 'list-note', hidden: true });
    this.button = h('button', { type: 'button', class: 'button is-small', hidden: true, onclick: () => this.#showMore() }, text.tasks.more);
    this.more = h('div', { class: 'list-more' }, this.button);
    this.filters = this.#makeFilters(parameters);
    this.leave = keepFresh(() => this.#read());
  }

  #makeFilters(parameters) {
    const state = choice(text.outbox.stateFilter, text.outbox.allStates, text.outbox.state, parameters.get('state'));
    const channel = choice(text.outbox.channelFilter, text.outbox.allChannels, text.outbox.channel, parameters.get('channel'));
    const to = h('input', { type: 'search', class: 'input is-small', placeholder: text.outbox.toFilter, 'aria-label': text.outbox.toFilter, autocomplete: 'off', spellcheck: 'false' });
    to.value = parameters.get('to') ?? '';
    this.task = parameters.get('task') ?? '';
    const ofTask = h('button', { type: 'button', class: 'button is-small', hidden: !this.task, 'aria-label': text.outbox.ofAllTasks }, text.outbox.ofTask(shortId(this.task)), ' ×');
    this.values = () => ({ state: state.value, channel: channel.value, to: to.value.trim(), task: this.task });
    const changed = () => {
      setParameters(this.values());
      this.#limit = PAGE;
      this.leave.soon();
    };
    let typing = null;
    to.addEventListener('input', () => {
      clearTimeout(typing);
      // Who has left since then has another view's address.
      typing = setTimeout(() => to.isConnected && changed(), TYPING_MS);
    });
    state.addEventListener('change', changed);
    channel.addEventListener('change', changed);
    ofTask.addEventListener('click', () => {
      this.task = '';
      ofTask.hidden = true;
      changed();
      to.focus();
    });
    return h('div', { class: 'filters', role: 'search', 'aria-label': text.filters.heading }, h('div', { class: 'filter-row' }, to, state, channel, ofTask));
  }

  async #read() {
    this.#reading += 1;
    const number = this.#reading;
    const chosen = Object.entries(this.values()).filter(([, value]) => value);
    try {
      const { items, next, partial } = await readPages('/notifications', chosen, this.#limit);
      // An answer to other filters that came late.
      if (number !== this.#reading) return true;
      this.#draw(items, { isMore: next !== null, isFiltered: chosen.length > 0, isPartial: partial });
      return items.some((one) => OPEN.includes(one.state));
    } catch (error) {
      if (error.isNetwork) throw error;
      fill(this.note, problemNote(error));
      this.note.hidden = false;
      return false;
    }
  }

  #draw(items, { isMore, isFiltered, isPartial }) {
    this.button.hidden = !isMore;
    this.note.hidden = items.length > 0 && !isPartial;
    fill(this.note, isPartial ? h('p', { class: 'quiet' }, text.outbox.partial) : null, items.length > 0 ? null : nothing(isFiltered));
    const now = serverNow();
    const rows = items.map((one) => notificationRow(one, now));
    const shown = rows.map(({ key }) => key).join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    fill(this.list, rows.map(({ make }) => make()));
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  #showMore() {
    this.#limit = moreThan(this.#limit);
    this.leave.soon();
  }
}

function choice(label, all, names, chosen) {
  const node = h('select', { class: 'input is-small', 'aria-label': label },
    h('option', { value: '' }, all), Object.entries(names).map(([value, name]) => h('option', { value }, name)));
  node.value = chosen ?? '';
  return node;
}

function nothing(isFiltered) {
  return isFiltered
    ? h('p', { class: 'nothing quiet' }, text.outbox.notFound)
    : h('div', { class: 'nothing' }, h('p', {}, text.outbox.none), h('p', { class: 'quiet' }, text.outbox.noneLead));
}
