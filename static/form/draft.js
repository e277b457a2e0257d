// What was typed into a flow's form and not sent yet: it survives a reload of this tab. Secrets are not kept.

import { isPlain, parseJson } from '../exact.js';
import { isSecret, resolve } from './schema.js';

const MASK = '***';

export function draftOf(flow) {
  try {
    return parseJson(sessionStorage.getItem(nameOf(flow)) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

export function keepDraft(flow, value) {
  if (value === undefined) return;
  try {
    sessionStorage.setItem(nameOf(flow.name), JSON.stringify(withoutSecretFields(value, flow.input_schema, flow.input_schema)));
  } catch {
    // A browser without storage, or a full one: then nothing is kept.
  }
}

export function clearDraft(flow) {
  try {
    sessionStorage.removeItem(nameOf(flow));
  } catch {
    // As above.
  }
}

/** Inputs of an earlier task without what was masked in them: that must be typed again. */
export function withoutSecrets(value) {
  if (value === MASK) return undefined;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutSecrets(one)]));
}

function withoutSecretFields(value, schema, root, depth = 0) {
  const ways = waysOf(schema, root);
  if (ways.some(isSecret)) return undefined;
  if (depth > 16 || isPlain(value)) return value;
  const inner = (one, pick) => withoutSecretFields(one, { anyOf: ways.map(pick).filter(Boolean) }, root, depth + 1);
  if (Array.isArray(value)) return value.map((item, at) => inner(item, (way) => way.prefixItems?.[at] ?? way.items));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one, (way) => way.properties?.[name] ?? way.additionalProperties)]));
}

/** A schema and all that it may be instead: what may be absent, variants, parts. */
function waysOf(schema, root, depth = 0) {
  const found = resolve(schema, root);
  const others = [...(found.anyOf ?? []), ...(found.oneOf ?? []), ...(found.allOf ?? [])];
  return depth > 4 ? [found] : [found, ...others.flatMap((one) => waysOf(one, root, depth + 1))];
}

function nameOf(flow) {
  return `draft ${flow}`;
}
