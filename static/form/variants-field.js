// One of several forms, as Rust's enums with data have: choose which, then fill it in.

import { fill, h } from '../dom.js';
import { humanize } from '../format.js';
import { text } from '../text.js';
import { fit } from './fits.js';
import { grouped } from './frame.js';
import { resolve } from './schema.js';

export function variantsField(context) {
  const { root, makeField } = context;
  const variants = (context.schema.oneOf ?? context.schema.anyOf).map((branch) => resolve(branch, root));
  const chooser = h('select', { class: 'input', 'aria-label': `${context.label}: ${text.form.variant}` },
    variants.map((variant, at) => h('option', { value: String(at) }, nameOf(variant, root, at))));
  const place = h('div', { class: 'variant' });
  let field = null;
  const show = (value) => {
    const schema = variants[Number(chooser.value)];
    field = makeField({ schema, label: text.form.value, required: true, bare: true, value });
    fill(place, schema.description ? h('p', { class: 'field-help' }, schema.description) : null, field.node);
  };
  chooser.value = String(bestOf(variants, context.value, root));
  chooser.addEventListener('change', () => show(undefined));
  show(context.value ?? undefined);
  const frame = grouped(context, [chooser, place]);
  return { ...frame, read: (isDraft) => field.read(isDraft), get parts() { return [{ name: null, field }]; } };
}

/** The variant that a value fits best; without a value the first. */
function bestOf(variants, value, root) {
  const fits = variants.map((variant) => ((value ?? null) === null ? 0 : fit(variant, value, root)));
  return fits.indexOf(Math.max(...fits));
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
