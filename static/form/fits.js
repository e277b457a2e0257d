// Whether a value is of the kind that a schema asks for, as far as a form must know: what is no such value is not forced
// into a field that would change it.

import { isExact, isRecord } from '../exact.js';
import { choices, resolve, understand } from './schema.js';

const DEEPEST = 4;

/** How well a value fits a schema: 0 not at all; more the more of its names the schema knows. */
export function fit(schema, value, root, depth = 0) {
  const { kind, schema: inner, nullable } = understand(schema, root);
  if (value === null) return nullable ? 1 : 0;
  const deeper = (part, one) => (depth < DEEPEST ? fit(part, one, root, depth + 1) : 1);
  switch (kind) {
    case 'text': return typeof value === 'string' ? 1 : 0;
    case 'number': return typeof value === 'number' || isExact(value) ? 1 : 0;
    case 'boolean': return typeof value === 'boolean' ? 1 : 0;
    case 'constant': return same(inner.const, value) ? 2 : 0;
    case 'choice': return choices(inner, root).some((one) => same(one.value, value)) ? 2 : 0;
    case 'array': return Array.isArray(value) && value.every((one) => deeper(inner.items, one) > 0) ? 1 : 0;
    case 'tuple': return Array.isArray(value) ? 1 : 0;
    case 'map': return isRecord(value) && Object.values(value).every((one) => deeper(inner.additionalProperties, one) > 0) ? 1 : 0;
    case 'object': return isRecord(value) ? fitOfRecord(inner, value, root) : 0;
    case 'variants': return Math.max(...(inner.oneOf ?? inner.anyOf).map((branch) => deeper(branch, value)));
    default: return 0.5;
  }
}

/** By its tags it is decided; what is not filled in yet may be missing. */
function fitOfRecord(schema, value, root) {
  const properties = Object.entries(schema.properties ?? {});
  const tags = properties.map(([name, property]) => [name, resolve(property, root)]).filter(([, property]) => 'const' in property);
  if (!tags.every(([name, property]) => same(property.const, value[name]))) return 0;
  const known = properties.filter(([name]) => name in value).length;
  const missing = (schema.required ?? []).filter((name) => !(name in value)).length;
  const unknown = Object.keys(value).length - known;
  return Math.max(0.1, 1 + tags.length + known - missing / 2 - unknown / 2);
}

/** Whether a value can be put into the field of a kind without being changed. */
export function suits(kind, schema, value, root) {
  switch (kind) {
    // A list of choices shows also what is none of them.
    case 'choice': case 'any': case 'constant': return true;
    case 'array': case 'tuple': return Array.isArray(value);
    case 'map': case 'object': return isRecord(value);
    default: return fit(schema, value, root) > 0;
  }
}

export function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
