// An object: its properties, one below the other.

import { h } from '../dom.js';
import { humanize } from '../format.js';
import { grouped } from './frame.js';
import { resolve } from './schema.js';

export function objectField(context) {
  const { schema, root, path, makeField } = context;
  const given = isObject(context.value) ? context.value : {};
  const required = new Set(schema.required ?? []);
  // What must be filled in comes first, else the order is the schema's.
  const byNeed = Object.entries(schema.properties ?? {}).sort(([a], [b]) => required.has(b) - required.has(a));
  const children = byNeed.map(([name, property]) => {
    const label = resolve(property, root).title ?? humanize(name);
    const inner = { schema: property, root, path: `${path}/${escape(name)}`, label, required: required.has(name) };
    return { name, field: makeField({ ...inner, value: given[name] }) };
  });
  const body = h('div', { class: 'fields' }, children.map((child) => child.field.node));
  // The outermost object has no frame: the form itself is it.
  const frame = path === '' ? bareFrame(body) : grouped(context, body);
  return { ...frame, path, read: () => readAll(children), children: children.map((child) => child.field) };
}

function readAll(children) {
  const value = {};
  for (const { name, field } of children) {
    const one = field.read();
    if (one !== undefined) value[name] = one;
  }
  return value;
}

function bareFrame(node) {
  return { node, showError: null, focus: () => node.querySelector('input, select, textarea')?.focus() };
}

function escape(name) {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
