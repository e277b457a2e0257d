// An object whose names are free: rows of a name and a value.

import { h } from '../dom.js';
import { text } from '../text.js';
import { FieldError, grouped } from './frame.js';

export function mapField(context) {
  const { schema, makeField } = context;
  const entries = [];
  const rows = h('div', { class: 'rows' });
  const adder = h('button', { type: 'button', class: 'button is-small', 'aria-label': text.form.addItem(context.label) },
    h('span', { 'aria-hidden': 'true' }, '+ '), text.form.add);

  const add = (name = '', value) => {
    const key = h('input', { type: 'text', class: 'input is-key', 'aria-label': text.form.key, autocomplete: 'off', spellcheck: 'false' });
    key.value = name;
    const field = makeField({ schema: schema.additionalProperties, label: text.form.value, required: true, bare: true, value });
    const remover = h('button', { type: 'button', class: 'button is-icon', 'aria-label': text.form.remove }, '×');
    const row = h('div', { class: 'row is-entry' }, key, field.node, remover);
    const entry = { key, field, row };
    remover.addEventListener('click', () => {
      entries.splice(entries.indexOf(entry), 1);
      row.remove();
      adder.focus();
    });
    entries.push(entry);
    rows.append(row);
    return entry;
  };
  adder.addEventListener('click', () => add().key.focus());
  Object.entries(context.value ?? {}).forEach(([name, value]) => add(name, value));

  const frame = grouped(context, [rows, adder]);
  const read = (isDraft) => {
    const value = new Map();
    for (const { key, field } of entries) {
      const one = field.read(isDraft);
      const name = key.value;
      if (!isDraft && name === '' && (one ?? '') !== '') throw new FieldError(field, text.form.nameless);
      if (!isDraft && value.has(name)) throw new FieldError(field, text.form.twice(name));
      if (name !== '') value.set(name, one ?? null);
    }
    return Object.fromEntries(value);
  };
  return {
    ...frame,
    read,
    get parts() { return entries.map(({ key, field }) => ({ name: key.value === '' ? undefined : key.value, field })); },
  };
}
