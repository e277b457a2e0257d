// Reads JSON Schema (2020-12) as `schemars` writes it, and says in plain words what a form needs to know.

const DEEPEST = 16;

/** The schema with `$ref` followed and single-branch `allOf` merged; what stands beside a `$ref` wins. */
export function resolve(schema, root) {
  let found = typeof schema === 'object' && schema ? schema : {};
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    const { $ref, allOf, ...beside } = found;
    if (typeof $ref === 'string') found = { ...lookUp($ref, root), ...beside };
    else if (Array.isArray(allOf) && allOf.length === 1) found = { ...allOf[0], ...beside };
    else return found;
  }
  return found;
}

/**
 * What to ask for: `{ kind, schema, nullable }`, where `schema` is resolved and its `null` taken out.
 * Kinds: text, number, boolean, choice, object, map, array, tuple, variants, constant, any.
 */
export function understand(schema, root) {
  const { schema: inner, nullable } = withoutNull(resolve(schema, root), root);
  return { kind: kindOf(inner, root), schema: inner, nullable };
}

/** The possible values of a choice: `[{ value, label, description }]`. */
export function choices(schema, root) {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => ({ value }));
  return (schema.oneOf ?? schema.anyOf ?? []).flatMap((branch) => {
    const one = resolve(branch, root);
    const values = 'const' in one ? [one.const] : one.enum;
    return values.map((value) => ({ value, label: one.title, description: one.description }));
  });
}

/** Whether a text is likely to be long. */
export function isLong(schema) {
  return ['textarea', 'markdown', 'multiline'].includes(schema.format) || schema['x-multiline'] === true
    || Boolean(schema.contentMediaType) || (schema.maxLength ?? 0) > 300;
}

export function isSecret(schema) {
  return schema.writeOnly === true || schema.format === 'password';
}

/** A value to begin with when nothing is given. */
export function initial(schema) {
  if ('default' in schema) return schema.default;
  return 'const' in schema ? schema.const : undefined;
}

function withoutNull(schema, root) {
  if (Array.isArray(schema.type) && schema.type.includes('null')) {
    const types = schema.type.filter((type) => type !== 'null');
    const inner = { ...schema, type: types.length === 1 ? types[0] : types };
    if (Array.isArray(inner.enum)) inner.enum = inner.enum.filter((value) => value !== null);
    return { schema: inner, nullable: true };
  }
  for (const word of ['anyOf', 'oneOf']) {
    const branches = schema[word];
    if (!Array.isArray(branches)) continue;
    const rest = branches.filter((branch) => !isNull(resolve(branch, root)));
    if (rest.length === branches.length) continue;
    const { [word]: _, ...beside } = schema;
    if (rest.length === 1) return { schema: resolve({ ...resolve(rest[0], root), ...beside }, root), nullable: true };
    return { schema: { ...beside, [word]: rest }, nullable: true };
  }
  return { schema, nullable: false };
}

function kindOf(schema, root) {
  if ('const' in schema || schema.type === 'null') return 'constant';
  if (Array.isArray(schema.enum)) return 'choice';
  const branches = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(branches)) {
    const all = branches.map((branch) => resolve(branch, root));
    return all.every((one) => 'const' in one || Array.isArray(one.enum)) ? 'choice' : 'variants';
  }
  switch (schema.type) {
    case 'string': return 'text';
    case 'integer': case 'number': return 'number';
    case 'boolean': return 'boolean';
    case 'array': return Array.isArray(schema.prefixItems) ? 'tuple' : schema.items ? 'array' : 'any';
    case 'object': return schema.properties || schema.additionalProperties === false ? 'object'
      : schema.additionalProperties && schema.additionalProperties !== true ? 'map' : 'any';
    default: return schema.properties ? 'object' : 'any';
  }
}

function isNull(schema) {
  return schema.type === 'null' || ('const' in schema && schema.const === null);
}

function lookUp(reference, root) {
  if (!reference.startsWith('#')) return {};
  const steps = reference.slice(1).split('/').filter(Boolean);
  const unescape = (step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  return steps.reduce((at, step) => at?.[unescape(step)], root) ?? {};
}
