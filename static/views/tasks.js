// The tasks: those that are open as live cards, and below them all that match the filters, live, page by page.

import { serverNow } from '../clock.js';
import { fill, h } from '../dom.js';
import { bulkBar } from '../elements/bulk-bar.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/task-card.js';
import { filterQuery, taskFilters } from '../elements/task-filters.js';
import { rowKey, taskRow } from '../elements/task-row.js';
import { isEnded, shortId } from '../format.js';
import { titleOf } from '../flows.js';
import { keepFresh } from '../live/fresh.js';
import { moreThan, readPages } from '../pages.js';
import { openTasks, setParameters } from '../route.js';
import { task } from '../tasks.js';
import { text } from '../text.js';

const PAGE = 25;

export function tasksView(place, { parameters }) {
  const cards = openCards();
  const list = new TaskList(parameters);
  place.addEventListener('task-closed', cards.draw);
  fill(place,
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, text.tasks.heading)),
    cards.node,
    h('section', { 'aria-label': text.tasks.all }, list.node));
  return {
    title: text.tasks.heading,
    leave: () => {
      place.removeEventListener('task-closed', cards.draw);
      list.leave();
    },
  };
}

/** The tasks that this tab has open. */
function openCards() {
  const cards = h('div', { class: 'cards' });
  const node = h('section', { 'aria-labelledby': 'watching-heading' }, h('h2', { id: 'watching-heading' }, text.tasks.watching), cards);
  const draw = () => {
    const open = openTasks().reverse();
    node.hidden = open.length === 0;
    const shown = new Map(Array.from(cards.children, (card) => [card.task.id, card]));
    fill(cards, open.map((id) => shown.get(id) ?? h('task-card', { '.task': task(id) })));
  };
  draw();
  return { node, draw };
}

class TaskList {
  #items = [];
  #next = null;
  #limit = PAGE;
  #chosen = new Set();
  #shown = null;
  #reading = 0;

  constructor(parameters) {
    this.filters = taskFilters(parameters, (values) => this.#filter(values));
    this.bulk = bulkBar({
      chosen: () => [...this.#chosen], filter: () => this.filters.values(), done: () => this.#again(), matches: () => text.bulk.listed(this.#items.length, Boolean(this.#next)),
    });
    this.list = h('ul', { class: 'task-list', 'aria-label': text.tasks.all });
    this.all = h('input', { type: 'checkbox', class: 'check', 'aria-label': text.tasks.chooseAll, onchange: () => this.#chooseAll(this.all.checked) });
    this.note = h('div', { class: 'list-note', hidden: true });
    this.more = h('button', { type: 'button', class: 'button is-small', hidden: true, onclick: () => this.#showMore() }, text.tasks.more);
    this.node = h('div', { class: 'panel is-flush' }, this.filters.node, h('div', { class: 'list-head' }, this.all, this.bulk.node), this.list, this.note,
      h('div', { class: 'list-more' }, this.more));
    this.leave = keepFresh(() => this.#read());
  }

  #filter(values) {
    setParameters(values);
    this.#limit = PAGE;
    this.#chosen.clear();
    this.#again();
  }

  #again() {
    this.leave.soon();
  }

  #showMore() {
    this.#limit = moreThan(this.#limit);
    this.#again();
  }

  async #read() {
    this.#reading += 1;
    const number = this.#reading;
    const query = filterQuery(this.filters.values());
    try {
      const { items, next, partial } = await readPages('/tasks', query, this.#limit);
      // An answer to another filter that came late.
      if (number !== this.#reading) return true;
      this.#items = items;
      this.#next = next;
      this.#draw(partial);
      return items.some((item) => !isEnded(item.state));
    } catch (error) {
      if (!error.isNetwork) fill(this.note, problemNote(error));
      this.note.hidden = error.isNetwork;
      throw error;
    }
  }

  #draw(partial = false) {
    const now = serverNow();
    const ids = new Set(this.#items.map((item) => item.task_id));
    this.#chosen.forEach((id) => ids.has(id) || this.#chosen.delete(id));
    this.more.hidden = !this.#next;
    this.note.hidden = this.#items.length > 0 && !partial;
    fill(this.note, partial ? h('p', {}, text.tasks.partial) : null, this.#items.length === 0 ? nothing(this.filters.isEmpty()) : null);
    this.all.checked = ids.size > 0 && this.#chosen.size === ids.size;
    this.all.indeterminate = this.#chosen.size > 0 && !this.all.checked;
    this.all.disabled = ids.size === 0;
    this.bulk.draw(this.#items.filter((item) => this.#chosen.has(item.task_id)));
    const shown = this.#items.map((item) => rowKey(item, now) + this.#chosen.has(item.task_id)).join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#drawRows(now);
  }

  #drawRows(now) {
    const active = this.list.contains(document.activeElement) ? document.activeElement : null;
    const [kind, id] = [active?.localName, active?.closest('li')?.dataset.task];
    fill(this.list, this.#items.map((item) => this.#row(item, now)));
    if (id) this.list.querySelector(`li[data-task="${CSS.escape(id)}"] ${kind}`)?.focus();
  }

  #row(item, now) {
    const label = text.tasks.choose(`${titleOf(item.flow)} ${shortId(item.task_id)}`);
    const box = h('input', { type: 'checkbox', class: 'check', 'aria-label': label });
    box.checked = this.#chosen.has(item.task_id);
    box.addEventListener('change', () => {
      if (box.checked) this.#chosen.add(item.task_id);
      else this.#chosen.delete(item.task_id);
      this.#draw();
    });
    return h('li', { class: 'recent-row has-check', 'data-task': item.task_id }, box, taskRow(item, now));
  }

  #chooseAll(isAll) {
    this.#chosen = new Set(isAll ? this.#items.map((item) => item.task_id) : []);
    this.#draw();
  }
}

function nothing(isUnfiltered) {
  return isUnfiltered
    ? h('div', { class: 'nothing' }, h('p', {}, text.tasks.none), h('p', { class: 'quiet' }, text.tasks.noneLead), h('a', { class: 'button', href: '#/' }, text.tasks.chooseFlow))
    : h('p', { class: 'nothing quiet' }, text.tasks.notFound);
}
