// An object whose names are free: rows of a name and a value.

import { h } from '../dom.js';
import { text } from '../text.js';
import { grouped } from './frame.js';

export function mapField(context) {
  const { schema, root, path, makeField } = context;
  const entries = [];
  const rows = h('div', { class: 'rows' });
  const adder = h('button', { type: 'button', class: 'button is-small', 'aria-label': text.form.addItem(context.label) },
    h('span', { 'aria-hidden': 'true' }, '+ '), text.form.add);

  const add = (name = '', value) => {
    const key = h('input', { type: 'text', class: 'input is-key', 'aria-label': text.form.key, autocomplete: 'off', spellcheck: 'false' });
    key.value = name;
    const field = makeField({
      schema: schema.additionalProperties, root, path: `${path}/${name}`, label: text.form.value, required: true, bare: true, value,
    });
    const remover = h('button', { type: 'button', class: 'button is-icon', 'aria-label': text.form.remove }, '×');
    const row = h('div', { class: 'row is-entry' }, key, field.node, remover);
    const entry = { key, field, row };
    key.addEventListener('input', () => { field.path = `${path}/${key.value}`; });
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
  const filled = () => entries.filter((entry) => entry.key.value !== '');
  return {
    ...frame,
    read: () => Object.fromEntries(filled().map((entry) => [entry.key.value, entry.field.read() ?? null])),
    get children() { return entries.map((entry) => entry.field); },
  };
}
