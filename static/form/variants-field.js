// One of several forms, as Rust's enums with data have: choose which, then fill it in.

import { fill, h } from '../dom.js';
import { humanize } from '../format.js';
import { text } from '../text.js';
import { grouped } from './frame.js';
import { resolve, understand } from './schema.js';

export function variantsField(context) {
  const { root, path, makeField } = context;
  const variants = (context.schema.oneOf ?? context.schema.anyOf).map((branch) => resolve(branch, root));
  const chooser = h('select', { class: 'input', 'aria-label': `${context.label}: ${text.form.variant}` },
    variants.map((variant, at) => h('option', { value: String(at) }, nameOf(variant, root, at))));
  const place = h('div', { class: 'variant' });
  let field = null;
  const show = (value) => {
    const schema = variants[Number(chooser.value)];
    field = makeField({ schema, root, path: path || '', label: text.form.value, required: true, bare: true, value });
    fill(place, schema.description ? h('p', { class: 'field-help' }, schema.description) : null, field.node);
  };
  chooser.value = String(Math.max(0, variants.findIndex((variant) => fits(variant, context.value, root))));
  chooser.addEventListener('change', () => show(undefined));
  show(context.value);
  const frame = grouped(context, [chooser, place]);
  return { ...frame, read: () => field.read(), get children() { return [field]; } };
}

function nameOf(variant, root, at) {
  if (variant.title) return variant.title;
  const properties = Object.entries(variant.properties ?? {});
  const tag = properties.map(([, property]) => resolve(property, root)).find((property) => typeof property.const === 'string');
  if (tag) return humanize(tag.const);
  if ('const' in variant) return humanize(String(variant.const));
  if (properties.length === 1) return humanize(properties[0][0]);
  return variant.type ? humanize(String(variant.type)) : text.form.option(at + 1);
}

/** Whether a value is likely to be of this variant. */
function fits(variant, value, root) {
  if (value === undefined || value === null) return false;
  const { kind, schema } = understand(variant, root);
  if (kind === 'constant') return schema.const === value;
  if (kind !== 'object') return kind === 'text' ? typeof value === 'string' : kind === typeof value;
  if (typeof value !== 'object') return false;
  return (schema.required ?? []).every((name) => {
    const property = resolve(schema.properties?.[name], root);
    return name in value && (!('const' in property) || property.const === value[name]);
  });
}
