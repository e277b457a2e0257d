// <log-view>: the whole log of a task, line by line, with a filter. However long it is, only what is seen is made. A
// line can be opened to see the event as it is.

import { announce, fill, h, newId, setText } from '../dom.js';
import { clock, stepName } from '../format.js';
import { GROUPS } from '../log/kinds.js';
import { text } from '../text.js';
import { logText } from './log-line.js';
import { problemNote } from './problem-note.js';
import { VirtualRows } from './virtual-rows.js';

const ROW = 26;

class LogView extends HTMLElement {
  #log = null;
  #entries = [];
  #filter = { words: '', group: 'all' };
  /** How many of the log's entries have been held against the filter. */
  #seen = { of: null, count: 0 };
  #chosen = null;
  /** Whether more may come: then who is at the end stays there. */
  isLive = false;
  #update = () => this.#draw();

  connectedCallback() {
    if (!this.scroller) this.#lay();
    this.#log?.addEventListener('change', this.#update);
    this.#draw();
  }

  disconnectedCallback() {
    this.#log?.removeEventListener('change', this.#update);
  }

  /** What it is filtered by, `{ words, group }`. Fires `log-filtered` when somebody chooses another. */
  set filter({ words, group }) {
    if (!this.scroller) this.#lay();
    this.words.value = words;
    this.groups.value = [...this.groups.options].some((option) => option.value === group) ? group : 'all';
    this.#filter = { words: words.trim().toLowerCase(), group: this.groups.value };
    this.#again();
  }

  set log(log) {
    this.#log?.removeEventListener('change', this.#update);
    this.#log = log;
    if (this.isConnected) log.addEventListener('change', this.#update);
    this.#again();
  }

  #lay() {
    const words = this.words = h('input', { type: 'search', class: 'input is-small', placeholder: text.log.search, 'aria-label': text.log.search });
    words.addEventListener('input', () => this.#filterBy({ words: words.value.trim().toLowerCase() }));
    const groups = this.groups = h('select', { class: 'input is-small', 'aria-label': text.log.group },
      ['all', ...Object.keys(GROUPS), 'warn'].map((name) => h('option', { value: name }, text.log.groups[name])));
    groups.addEventListener('change', () => this.#filterBy({ group: groups.value }));
    this.count = h('span', { class: 'quiet log-count' });
    this.scroller = h('div', { class: 'log-rows', role: 'listbox', tabindex: '0', 'aria-label': text.log.heading, onkeydown: (event) => this.#key(event) });
    this.open = h('div', { class: 'log-open', hidden: true });
    fill(this, h('div', { class: 'log-tools' }, words, groups, this.count), this.scroller, this.open);
    this.rows = new VirtualRows(this.scroller, { height: ROW, make: () => this.#makeRow(), draw: (row, at) => this.#drawRow(row, at) });
  }

  #filterBy(change) {
    Object.assign(this.#filter, change);
    this.#again();
    // Only now: with each event that comes it would be too much.
    announce(this.count.textContent);
    this.dispatchEvent(new CustomEvent('log-filtered', { detail: { words: this.words.value.trim(), group: this.groups.value }, bubbles: true }));
  }

  #again() {
    this.#seen = { of: null, count: 0 };
    this.#draw();
  }

  #matches(entry) {
    const { words, group } = this.#filter;
    if (group === 'warn' && !(entry.event && (entry.event.error || ['warn', 'error'].includes(entry.event.level)))) return false;
    if (GROUPS[group] && !GROUPS[group](entry.kind)) return false;
    return words === '' || `${entry.kind} ${entry.step ?? ''} ${logText(entry)}`.toLowerCase().includes(words);
  }

  /** Only what is new is held against the filter. */
  #draw() {
    if (!this.#log || !this.rows) return;
    const { entries } = this.#log;
    if (this.#seen.of !== entries) {
      this.#entries = [];
      this.#seen = { of: entries, count: 0 };
      this.scroller.scrollTop = 0;
    }
    for (; this.#seen.count < entries.length; this.#seen.count += 1) {
      const entry = entries[this.#seen.count];
      if (this.#matches(entry)) this.#entries.push(entry);
    }
    setText(this.count, text.log.count(this.#entries.length, entries.length));
    this.rows.show(this.#entries.length, { sticks: this.isLive });
  }

  #makeRow() {
    const time = h('span', { class: 'log-time' });
    const kind = h('span', { class: 'log-kind' });
    const words = h('span', { class: 'log-words' });
    const step = h('span', { class: 'log-step' });
    const node = h('div', { role: 'option', id: newId('entry') }, time, kind, words, step);
    node.addEventListener('click', () => this.#choose(node.at));
    return { node, time, kind, words, step };
  }

  #drawRow(row, at) {
    const entry = this.#entries[at];
    const { node } = row;
    node.at = at;
    const isChosen = entry.seq === this.#chosen;
    node.className = `log-row virtual-row is-${entry.event?.level ?? entry.kind.replace('.', '-')}`;
    node.setAttribute('aria-selected', String(isChosen));
    node.setAttribute('aria-posinset', String(at + 1));
    node.setAttribute('aria-setsize', String(this.#entries.length));
    if (isChosen) this.scroller.setAttribute('aria-activedescendant', node.id);
    setText(row.time, clock(entry.at));
    setText(row.kind, entry.kind);
    setText(row.words, logText(entry));
    setText(row.step, entry.step && !entry.kind.startsWith('step.') ? stepName(entry.step) : '');
  }

  #key(event) {
    const at = this.#entries.findIndex((entry) => entry.seq === this.#chosen);
    const last = this.#entries.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, Home: 0, End: last, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (event.key === 'Escape' && this.#chosen !== null) this.#choose(at);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const next = Math.min(Math.max(to, 0), last);
    this.rows.scrollTo(next);
    if (next !== at) this.#choose(next);
  }

  async #choose(at) {
    const entry = this.#entries[at];
    const isSame = !entry || entry.seq === this.#chosen;
    this.#chosen = isSame ? null : entry.seq;
    this.open.hidden = isSame;
    if (isSame) this.scroller.removeAttribute('aria-activedescendant');
    this.#draw();
    if (isSame) return;
    if (entry.event) this.#show(entry, entry.event);
    else await this.#load(entry);
  }

  /** What was too large to keep. */
  async #load(entry) {
    fill(this.open, h('p', { class: 'quiet', role: 'status' }, text.log.reading));
    try {
      const event = await this.#log.read(entry.seq);
      if (this.#chosen === entry.seq) this.#show(entry, event);
    } catch (error) {
      if (this.#chosen === entry.seq) fill(this.open, problemNote(error, () => this.#load(entry)));
    }
  }

  #show(entry, event) {
    fill(this.open, h('pre', { class: 'data-raw', tabindex: '0', 'aria-label': text.log.event(entry.seq) }, JSON.stringify(event, null, 2)));
  }
}

customElements.define('log-view', LogView);
