// Reads JSON Schema (2020-12, as Rust types make it) the way a form needs it.

/** Follows `$ref` and a lone `allOf`; what stands beside them (a description, a default) wins. */
export function resolve(schema, root, depth = 0) {
  if (schema === true || schema === undefined || schema === null || depth > 32) return {};
  if (typeof schema.$ref === "string" && schema.$ref.startsWith("#")) {
    const { $ref, ...beside } = schema;
    return { ...resolve(at(root, $ref.slice(1)), root, depth + 1), ...beside };
  }
  if (schema.allOf?.length === 1) {
    const { allOf, ...beside } = schema;
    return { ...resolve(allOf[0], root, depth + 1), ...beside };
  }
  return schema;
}

function at(root, pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((value, part) => value?.[part], root);
}

/** Takes `null` out of what is allowed: `{ schema, nullable }`. */
export function withoutNull(given, root) {
  const schema = resolve(given, root);
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const types = schema.type.filter((type) => type !== "null");
    const choices = schema.enum && { enum: schema.enum.filter((value) => value !== null) };
    return { schema: { ...schema, ...choices, type: types.length === 1 ? types[0] : types }, nullable: true };
  }
  for (const word of ["anyOf", "oneOf"]) {
    const options = schema[word];
    if (!options?.some((option) => resolve(option, root).type === "null")) continue;
    const rest = options.filter((option) => resolve(option, root).type !== "null");
    const { [word]: _, ...beside } = schema;
    const inner = rest.length === 1 ? resolve(rest[0], root) : { [word]: rest };
    return { schema: { ...inner, ...beside }, nullable: true };
  }
  return { schema, nullable: false };
}

/** `[{ value, label, description }]` when the schema lists its values, else null. */
export function choices(schema, root) {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => ({ value, label: humanise(String(value)) }));
  const options = (schema.oneOf ?? schema.anyOf)?.map((option) => resolve(option, root));
  if (!options?.length) return null;
  const listed = options.flatMap((option) => {
    if ("const" in option) return [{ value: option.const, label: option.title, description: option.description }];
    if (option.enum) return option.enum.map((value) => ({ value, description: option.description }));
    return [null];
  });
  if (listed.includes(null)) return null;
  return listed.map((choice) => ({ ...choice, label: choice.label ?? humanise(String(choice.value)) }));
}

/** The shapes of a value that may have several, each with a name: `[{ name, schema }]`. */
export function variants(schema, root) {
  const options = (schema.oneOf ?? schema.anyOf)?.map((option) => resolve(option, root));
  if (!options || options.length < 2) return null;
  return options.map((option, place) => ({ name: variantName(option, place, root), schema: option }));
}

function variantName(option, place, root) {
  if (option.title) return option.title;
  if ("const" in option) return humanise(String(option.const));
  for (const property of Object.values(option.properties ?? {})) {
    const inner = resolve(property, root);
    if ("const" in inner) return humanise(String(inner.const));
  }
  const only = option.required?.length === 1 ? option.required[0] : Object.keys(option.properties ?? {})[0];
  return humanise(only ?? option.type ?? `option ${place + 1}`);
}

/** `step_ms` → `Step ms`. */
export function humanise(name) {
  const words = name.replace(/[_-]+/g, " ").replace(/([a-z])([A-Z])/g, "$1 $2").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : name;
}

export function isSecret(schema) {
  return schema.writeOnly === true || schema.format === "password";
}

/** Whether a text is likely to have more than one line. */
export function isLongText(schema) {
  if (["textarea", "multiline", "markdown", "long-text"].includes(schema.format)) return true;
  if (typeof schema.default === "string" && schema.default.includes("\n")) return true;
  return schema.maxLength > 400;
}

/** What a new item of this kind begins with; undefined is nothing. */
export function initial(given, root, depth = 0) {
  const { schema, nullable } = withoutNull(given, root);
  if ("default" in schema) return structuredClone(schema.default);
  if ("const" in schema) return schema.const;
  if (nullable || depth > 8) return undefined;
  if (schema.type === "object" && schema.properties) {
    const entries = Object.entries(schema.properties)
      .filter(([name]) => schema.required?.includes(name))
      .map(([name, property]) => [name, initial(property, root, depth + 1)]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  return undefined;
}
