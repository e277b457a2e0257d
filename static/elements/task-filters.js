// The filters of the list of tasks: flow, state, tag, text, time. What is chosen is the view's part of the URL.

import { serverNow } from '../clock.js';
import { fill, h } from '../dom.js';
import { allFlows, titleOf } from '../flows.js';
import { text } from '../text.js';

const STATES = ['PENDING', 'PROGRESS', 'WAITING', 'PAUSED', 'SUCCESS', 'FAILURE', 'CANCELLED'];
const TIMES = { hour: 3600, day: 86_400, week: 604_800 };
const NAMES = ['flow', 'state', 'tag', 'q', 'after', 'before'];
const TYPING_MS = 250;

/** `change(values)` is called with all of them, those that are empty too. */
export function taskFilters(parameters, change) {
  const begin = Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? '']));
  const q = input('search', begin.q, text.filters.text);
  const tag = input('text', begin.tag, text.filters.tag);
  const flow = h('select', { class: 'input is-small', 'aria-label': text.filters.flow }, h('option', { value: begin.flow }, begin.flow ? titleOf(begin.flow) : text.filters.allFlows));
  flow.value = begin.flow;
  const time = timeFilter(begin);
  const states = stateFilter(begin.state);
  const clear = h('button', { type: 'button', class: 'button is-quiet is-small' }, text.filters.clear);

  const values = () => ({ flow: flow.value, state: states.value(), tag: tag.value.trim(), q: q.value.trim(), ...time.values() });
  const isEmpty = () => Object.values(values()).every((value) => !value);
  const changed = () => {
    clear.hidden = isEmpty();
    change(values());
  };
  let typing = null;
  const typed = () => {
    clearTimeout(typing);
    // Who has left since then has another view's address.
    typing = setTimeout(() => node.isConnected && changed(), TYPING_MS);
  };
  q.addEventListener('input', typed);
  tag.addEventListener('input', typed);
  flow.addEventListener('change', changed);
  time.node.addEventListener('change', changed);
  states.node.addEventListener('change', changed);
  clear.addEventListener('click', () => {
    [q, tag, flow].forEach((one) => { one.value = ''; });
    time.clear();
    states.clear();
    changed();
    q.focus();
  });
  clear.hidden = isEmpty();
  fillFlows(flow, begin.flow);
  const node = h('div', { class: 'filters', role: 'search', 'aria-label': text.filters.heading }, states.node, h('div', { class: 'filter-row' }, q, flow, tag, time.node, clear));
  return { node, values, isEmpty };
}

/** What the server is asked for: a time of the last hour is one that goes on. */
export function filterQuery(values) {
  return new URLSearchParams(Object.entries(filterObject(values)));
}

export function filterObject(values) {
  const seconds = TIMES[values.after];
  const after = seconds ? new Date(serverNow() - seconds * 1000).toISOString() : values.after;
  return Object.fromEntries(Object.entries({ ...values, after }).filter(([, value]) => value));
}

function input(type, value, label) {
  const node = h('input', { type, class: 'input is-small', placeholder: label, 'aria-label': label, autocomplete: 'off', spellcheck: 'false' });
  node.value = value;
  return node;
}

async function fillFlows(select, chosen) {
  const flows = await allFlows().catch(() => []);
  const names = [...new Set([...flows.map((flow) => flow.name), ...(chosen ? [chosen] : [])])];
  const current = select.value;
  fill(select, h('option', { value: '' }, text.filters.allFlows), names.map((name) => h('option', { value: name }, titleOf(name))));
  select.value = current;
}

/** Any number of states; none is all. */
function stateFilter(begin) {
  const chosen = new Set(begin.split(',').filter(Boolean));
  const boxes = STATES.map((state) => {
    const box = h('input', { type: 'checkbox', class: 'unseen', value: state });
    box.checked = chosen.has(state);
    return box;
  });
  const node = h('fieldset', { class: 'filter-states' }, h('legend', { class: 'unseen' }, text.filters.state),
    boxes.map((box) => h('label', { class: `filter-state is-${box.value.toLowerCase()}` }, box, h('span', {}, text.state[box.value]))));
  return {
    node,
    value: () => boxes.filter((box) => box.checked).map((box) => box.value).join(','),
    clear: () => boxes.forEach((box) => { box.checked = false; }),
  };
}

/** A stretch of time by name, or between two moments. */
function timeFilter({ after, before }) {
  const isNamed = after in TIMES;
  const choose = h('select', { class: 'input is-small', 'aria-label': text.filters.time },
    ['', ...Object.keys(TIMES), 'between'].map((name) => h('option', { value: name }, text.filters.times[name || 'any'])));
  choose.value = isNamed ? after : after || before ? 'between' : '';
  const [from, to] = [text.filters.from, text.filters.to].map((label) => h('input', { type: 'datetime-local', class: 'input is-small', 'aria-label': label }));
  from.value = isNamed ? '' : toLocal(after);
  to.value = toLocal(before);
  const show = () => { from.hidden = to.hidden = choose.value !== 'between'; };
  choose.addEventListener('change', show);
  show();
  const iso = (field) => (field.value ? new Date(field.value).toISOString() : '');
  return {
    node: h('div', { class: 'filter-time' }, choose, from, to),
    values: () => (choose.value === 'between' ? { after: iso(from), before: iso(to) } : { after: choose.value, before: '' }),
    clear: () => {
      choose.value = '';
      show();
    },
  };
}

function toLocal(value) {
  const at = new Date(value || NaN);
  return Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
