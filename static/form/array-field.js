// A list: items that can be added and removed; a tuple: as many as it has.

import { h } from '../dom.js';
import { text } from '../text.js';
import { grouped } from './frame.js';
import { understand } from './schema.js';

export function arrayField(context) {
  const { schema, root, makeField } = context;
  const least = schema.minItems ?? 0;
  const most = schema.maxItems ?? Infinity;
  const items = [];
  const rows = h('div', { class: 'rows' });
  const adder = h('button', { type: 'button', class: 'button is-small', 'aria-label': text.form.addItem(context.label) },
    h('span', { 'aria-hidden': 'true' }, '+ '), text.form.add);
  const simple = ['text', 'number', 'choice', 'boolean'].includes(understand(schema.items, root).kind);

  const add = (value) => {
    const label = text.form.item(items.length + 1);
    const field = makeField({ schema: schema.items, label, required: true, bare: true, value });
    const remover = h('button', { type: 'button', class: 'button is-icon' }, '×');
    const row = h('div', { class: simple ? 'row' : 'row is-block' }, field.node, remover);
    const item = { field, row, remover, named: field.node.querySelector(`[aria-label="${CSS.escape(label)}"]`) ?? field.node };
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
  /** Items are called by their place. */
  const settle = () => {
    adder.disabled = items.length >= most;
    items.forEach(({ named, remover }, at) => {
      if (named.hasAttribute('aria-label')) named.setAttribute('aria-label', text.form.item(at + 1));
      remover.setAttribute('aria-label', text.form.removeItem(at + 1));
    });
  };
  adder.addEventListener('click', () => add().focus?.());

  const given = Array.isArray(context.value) ? context.value : [];
  given.forEach(add);
  while (items.length < least) add();
  settle();
  const frame = grouped(context, [rows, adder]);
  const readAll = (isDraft) => items.map(({ field }) => ({ field, value: field.read(isDraft) }));
  return {
    ...frame,
    read: (isDraft) => readAll(isDraft).map(({ value }) => value).filter((value) => value !== undefined),
    /** What is empty is not sent, and the others are counted without it. */
    get parts() {
      let sent = 0;
      return readAll(true).map(({ field, value }) => ({ field, name: value === undefined ? undefined : String(sent++) }));
    },
  };
}

export function tupleField(context) {
  const { schema, makeField } = context;
  const given = Array.isArray(context.value) ? context.value : [];
  const parts = schema.prefixItems.map((item, at) => ({
    name: String(at), field: makeField({ schema: item, label: text.form.item(at + 1), required: true, bare: true, value: given[at] }),
  }));
  const frame = grouped(context, h('div', { class: 'rows' }, parts.map(({ field }) => field.node)));
  const rest = given.slice(parts.length);
  return { ...frame, read: (isDraft) => [...parts.map(({ field }) => field.read(isDraft) ?? null), ...rest], parts };
}
