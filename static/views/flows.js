// The catalogue: every flow as a card with how its newest tasks went, the newest tasks beside it.

import { fill, h } from '../dom.js';
import { flowCard } from '../elements/flow-card.js';
import { problemNote } from '../elements/problem-note.js';
import '../elements/recent-tasks.js';
import { allFlows, titleOf } from '../flows.js';
import { keepFresh } from '../live/fresh.js';
import { setParameters } from '../route.js';
import { text } from '../text.js';

/** With fewer there is nothing to search. */
const SEARCHABLE = 7;

export function flowsView(place, { parameters }) {
  const search = h('input', { type: 'search', class: 'input catalogue-search', placeholder: text.flows.search, 'aria-label': text.flows.search, hidden: true });
  search.value = parameters.get('q') ?? '';
  const list = h('div', { class: 'catalogue-groups', 'aria-busy': 'true' });
  fill(place,
    h('div', { class: 'page-head is-split' },
      h('div', {}, h('h1', { tabindex: '-1' }, text.flows.heading), h('p', { class: 'lead' }, text.flows.lead)), search),
    h('div', { class: 'columns' },
      list,
      h('div', { class: 'side' }, h('section', { 'aria-labelledby': 'recent-heading' },
        h('h2', { id: 'recent-heading' }, text.tasks.recent), h('recent-tasks')))));
  const catalogue = new Catalogue(list, search);
  const stop = keepFresh(() => catalogue.read());
  search.addEventListener('input', () => {
    setParameters({ q: search.value.trim() });
    catalogue.draw();
  });
  return { title: text.flows.heading, leave: stop };
}

class Catalogue {
  #flows = null;
  #shown = '';
  #areDiagnosticsOpen = false;

  constructor(list, search) {
    Object.assign(this, { list, search });
  }

  async read() {
    try {
      this.#flows = await allFlows({ fresh: true });
      this.draw();
    } catch (error) {
      // What is seen stays: the mark at the top says that it is old.
      if (!this.#flows) fill(this.list, problemNote(error, () => this.read()));
    }
    this.list.removeAttribute('aria-busy');
    return false;
  }

  draw() {
    if (!this.#flows) return;
    this.search.hidden = this.#flows.length < SEARCHABLE;
    const words = this.search.value.trim().toLowerCase();
    const found = this.#flows.filter((flow) => `${flow.name} ${titleOf(flow.name)} ${flow.summary}`.toLowerCase().includes(words));
    const shown = JSON.stringify(found.map(({ name, recent, readiness }) => [name, recent, readiness]));
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#areDiagnosticsOpen = this.list.querySelector('details')?.open ?? false;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    const [diagnostics, ordinary] = [found.filter((flow) => flow.diagnostics), found.filter((flow) => !flow.diagnostics)];
    fill(this.list,
      found.length === 0 ? h('p', { class: 'quiet' }, words ? text.flows.notFound(words) : text.flows.none) : null,
      ordinary.length > 0 ? h('div', { class: 'catalogue' }, ordinary.map(flowCard)) : null,
      diagnostics.length > 0 ? this.#diagnostics(diagnostics, words !== '') : null);
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Flows for tests and measurements stand behind those for people. */
  #diagnostics(flows, isSearch) {
    return h('details', { class: 'fold catalogue-more', open: isSearch || this.#areDiagnosticsOpen },
      h('summary', {}, text.flows.diagnostics, ' ', h('span', { class: 'quiet' }, String(flows.length))),
      h('div', { class: 'catalogue' }, flows.map(flowCard)));
  }
}
