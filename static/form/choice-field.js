// One of some values: side by side while they are few and short, else a list.

import { h, newId } from '../dom.js';
import { humanize } from '../format.js';
import { text } from '../text.js';
import { same } from './fits.js';
import { absent, framed, grouped } from './frame.js';
import { choices } from './schema.js';

const MOST_SIDE_BY_SIDE = 4;
const LONGEST_SIDE_BY_SIDE = 36;

export function choiceField(context) {
  const all = choices(context.schema, context.root).map((one) => ({ ...one, label: one.label ?? labelOf(one.value) }));
  // What is none of them, as of an older version of the flow, is not silently made another.
  if ((context.value ?? null) !== null && !find(all, context.value)) all.push({ value: context.value, label: labelOf(context.value) });
  const letters = all.reduce((sum, one) => sum + one.label.length, 0);
  const few = all.length <= MOST_SIDE_BY_SIDE && letters <= LONGEST_SIDE_BY_SIDE;
  const isOpen = context.nullable || (!context.required && context.value === undefined);
  return few && !isOpen && !context.bare ? sideBySide(context, all) : list(context, all, isOpen);
}

function sideBySide(context, all) {
  const name = newId('choice');
  const chosen = find(all, context.value) ?? all[0];
  const inputs = all.map((one) => {
    const input = h('input', { type: 'radio', name, class: 'unseen' });
    input.checked = one === chosen;
    return input;
  });
  const segments = all.map((one, at) =>
    h('label', { class: 'segment', title: one.description }, inputs[at], h('span', {}, one.label)));
  const frame = grouped(context, h('div', { class: 'segments' }, segments), { role: 'radiogroup' });
  const read = () => all[inputs.findIndex((input) => input.checked)]?.value;
  return { ...frame, read, parts: [] };
}

function list(context, all, isOpen) {
  const chosen = find(all, context.value);
  const control = h('select', { class: 'input' },
    isOpen ? h('option', { value: '' }, text.form.unset) : null,
    all.map((one, at) => h('option', { value: String(at) },
      one.description ? `${one.label} – ${one.description}` : one.label)));
  control.value = chosen ? String(all.indexOf(chosen)) : isOpen ? '' : '0';
  const read = () => (control.value === '' ? absent(context) : all[Number(control.value)].value);
  return { ...framed(context, control), read, parts: [] };
}

function find(all, value) {
  return all.find((one) => same(one.value, value));
}

function labelOf(value) {
  return typeof value === 'string' ? humanize(value) : JSON.stringify(value);
}
