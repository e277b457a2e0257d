// One field of a form. Every field, from a checkbox to a nested object, has the same four things:
//
//   element              what is shown
//   value()              what it says; undefined when nothing was entered
//   set(value)           fills it in
//   showErrors(errors)   takes [{ path: ["places", "0"], message }], shows those that are its own, returns the others
import { freshId, h } from "/static/dom.js";
import { choiceField } from "/static/form/choice-field.js";
import { jsonField } from "/static/form/json-field.js";
import { listField } from "/static/form/list-field.js";
import { mapField } from "/static/form/map-field.js";
import { numberField } from "/static/form/number-field.js";
import { objectField } from "/static/form/object-field.js";
import { choices, humanise, variants, withoutNull } from "/static/form/schema.js";
import { switchField } from "/static/form/switch-field.js";
import { textField } from "/static/form/text-field.js";
import { variantField } from "/static/form/variant-field.js";

const DEEPEST = 6;

/**
 * `form` is `{ root, depth }`: the whole schema, for references, and how deep we are. A type that contains itself is
 * written as JSON below some depth.
 */
export function makeField(given, form, { name, required, bare = false }) {
  const { schema, nullable } = withoutNull(given, form.root);
  const spec = {
    schema,
    form: { ...form, depth: form.depth + 1 },
    id: freshId("field"),
    label: schema.title && schema.title !== name ? schema.title : humanise(name),
    description: schema.description ?? "",
    // What may be left out or be null is left out when it is empty.
    optional: nullable || !required,
    nullable,
    // Without heading and frame.
    bare,
  };
  return pick(schema, spec)(spec);
}

function pick(schema, { form }) {
  if (form.depth > DEEPEST || "const" in schema) return jsonField;
  if (choices(schema, form.root)) return choiceField;
  if (variants(schema, form.root)) return variantField;
  switch (schema.type) {
    case "string":
      return textField;
    case "integer":
    case "number":
      return numberField;
    case "boolean":
      return switchField;
    case "array":
      return schema.prefixItems || !schema.items ? jsonField : listField;
    case "object":
      if (schema.properties) return objectField;
      return schema.additionalProperties ? mapField : jsonField;
    default:
      return schema.properties ? objectField : jsonField;
  }
}

/** The frame around one control: label, explanation, place for an error. */
export function frame(spec, control, { limits = "" } = {}) {
  const errorId = `${spec.id}-error`;
  const hintId = `${spec.id}-hint`;
  const hint = [spec.description, limits].filter(Boolean).join(" ");
  const error = h("p", { class: "field-error", id: errorId, hidden: true });
  control.id = spec.id;
  control.setAttribute("aria-describedby", hint ? `${hintId} ${errorId}` : errorId);
  if (!spec.optional) control.setAttribute("aria-required", "true");
  const element = h(
    "div",
    { class: "field" },
    h(
      "label",
      { class: "field-label", htmlFor: spec.id },
      spec.label,
      spec.optional && !("default" in spec.schema) ? h("span", { class: "field-optional" }, "optional") : null,
    ),
    control,
    hint ? h("p", { class: "field-hint", id: hintId }, hint) : null,
    error,
  );
  const show = (text) => {
    error.textContent = text;
    error.hidden = !text;
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  control.addEventListener("input", () => show(""));
  return { element, show };
}

/** For a field without fields inside: takes the errors that point at it or into it. */
export function takeErrors(show) {
  return (errors) => {
    show(errors.map((error) => error.message).join(" "));
    return [];
  };
}

/** What the server says of a field that is missing stands at the object around it; people look at the field. */
function atTheField(error, names) {
  const missing = error.path.length === 0 && error.message.match(/^"(.+)" is a required property$/)?.[1];
  return names.includes(missing) ? { path: [missing], message: "Required" } : error;
}

/** Hands errors on to the fields inside, by the next part of their path; returns those that belong to none. */
export function shareErrors(given, fieldOf, names) {
  const errors = given.map((error) => atTheField(error, names));
  const own = errors.filter((error) => error.path.length === 0);
  const left = [];
  for (const name of names) {
    const inner = errors
      .filter((error) => error.path[0] === name)
      .map((error) => ({ ...error, path: error.path.slice(1) }));
    left.push(...fieldOf(name).showErrors(inner));
  }
  const unknown = errors.filter((error) => error.path.length > 0 && !names.includes(error.path[0]));
  return [...own, ...left, ...unknown];
}
