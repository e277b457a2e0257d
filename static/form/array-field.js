// A list: items that can be added and removed; a tuple: as many as it has.

import { h } from '../dom.js';
import { text } from '../text.js';
import { grouped } from './frame.js';
import { understand } from './schema.js';

export function arrayField(context) {
  const { schema, root, path, makeField } = context;
  const least = schema.minItems ?? 0;
  const most = schema.maxItems ?? Infinity;
  const items = [];
  const rows = h('div', { class: 'rows' });
  const adder = h('button', { type: 'button', class: 'button is-small', 'aria-label': text.form.addItem(context.label) },
    h('span', { 'aria-hidden': 'true' }, '+ '), text.form.add);
  const simple = ['text', 'number', 'choice', 'boolean'].includes(understand(schema.items, root).kind);

  const add = (value) => {
    const label = text.form.item(items.length + 1);
    const field = makeField({ schema: schema.items, root, path: `${path}/${items.length}`, label, required: true, bare: true, value });
    const remover = h('button', { type: 'button', class: 'button is-icon', 'aria-label': text.form.removeItem(items.length + 1) }, '×');
    const row = h('div', { class: simple ? 'row' : 'row is-block' }, field.node, remover);
    const item = { field, row };
    remover.addEventListener('click', () => remove(item));
    items.push(item);
    rows.append(row);
    settle();
    return field;
  };
  const remove = (item) => {
    const at = items.indexOf(item);
    items.splice(at, 1);
    item.row.remove();
    settle();
    (items[Math.min(at, items.length - 1)]?.field.focus ?? (() => adder.focus()))();
  };
  const settle = () => {
    adder.disabled = items.length >= most;
    items.forEach((item, at) => relocate(item.field, `${path}/${at}`));
  };
  adder.addEventListener('click', () => add().focus?.());

  const given = Array.isArray(context.value) ? context.value : [];
  given.forEach(add);
  while (items.length < least) add();
  settle();
  const frame = grouped(context, [rows, adder]);
  return {
    ...frame,
    read: () => items.map((item) => item.field.read()).filter((value) => value !== undefined),
    get children() { return items.map((item) => item.field); },
  };
}

export function tupleField(context) {
  const { schema, root, path, makeField } = context;
  const given = Array.isArray(context.value) ? context.value : [];
  const children = schema.prefixItems.map((item, at) => makeField({
    schema: item, root, path: `${path}/${at}`, label: text.form.item(at + 1), required: true, bare: true, value: given[at],
  }));
  const frame = grouped(context, h('div', { class: 'rows' }, children.map((child) => child.node)));
  return { ...frame, read: () => children.map((child) => child.read() ?? null), children };
}

/** Moves a field to where its item stands now: errors name items by their place. */
function relocate(field, path) {
  const from = field.path ?? '';
  field.path = path;
  for (const child of field.children ?? []) relocate(child, path + (child.path ?? '').slice(from.length));
}
