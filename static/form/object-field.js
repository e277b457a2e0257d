// An object: its properties, one below the other, and below them what else it may have.

import { h } from '../dom.js';
import { isRecord } from '../exact.js';
import { humanize } from '../format.js';
import { text } from '../text.js';
import { grouped } from './frame.js';
import { mapField } from './map-field.js';
import { resolve } from './schema.js';

export function objectField(context) {
  const { schema, root, makeField } = context;
  const given = isRecord(context.value) ? context.value : {};
  const required = new Set(schema.required ?? []);
  const properties = Object.entries(schema.properties ?? {});
  // What must be filled in comes first, else the order is the schema's.
  const byNeed = properties.sort(([a], [b]) => required.has(b) - required.has(a));
  const parts = byNeed.map(([name, property]) => {
    const label = resolve(property, root).title ?? humanize(name);
    return { name, field: makeField({ schema: property, label, required: required.has(name), value: given[name] }) };
  });
  const known = new Set(properties.map(([name]) => name));
  const others = Object.fromEntries(Object.entries(given).filter(([name]) => !known.has(name)));
  const more = moreFields(context, others);
  const body = h('div', { class: 'fields' }, parts.map(({ field }) => field.node), more.node);
  // The outermost object has no frame: the form itself is it.
  const frame = context.isWhole ? bareFrame(body) : grouped(context, body);
  const read = (isDraft) => {
    const named = parts.map(({ name, field }) => [name, field.read(isDraft)]).filter(([, value]) => value !== undefined);
    return { ...more.read(isDraft), ...Object.fromEntries(named) };
  };
  return { ...frame, read, get parts() { return [...parts, ...more.parts]; } };
}

/** Names that the schema does not list: rows for them where it says what they hold, else they are kept as they came. */
function moreFields(context, others) {
  const { additionalProperties: allowed, properties } = context.schema;
  const names = Object.keys(others);
  if (allowed === false) return { node: names.length > 0 ? h('p', { class: 'field-help' }, text.form.leftOut(names.join(', '))) : null, read: () => ({}), parts: [] };
  if (!allowed || !properties) return { node: null, read: () => others, parts: [] };
  const field = mapField({ ...context, schema: { additionalProperties: allowed }, value: others, label: text.form.more, bare: false, required: true });
  return { node: field.node, read: field.read, get parts() { return field.parts; } };
}

function bareFrame(node) {
  return { node, showError: null, focus: () => node.querySelector('input, select, textarea')?.focus() };
}
