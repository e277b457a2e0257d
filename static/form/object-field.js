// Fields under a common heading.
import { h, icon } from "/static/dom.js";
import { makeField, shareErrors } from "/static/form/field.js";

export function objectField(spec) {
  const { schema, form } = spec;
  const fields = new Map();
  for (const [name, property] of Object.entries(schema.properties)) {
    fields.set(name, makeField(property, form, { name, required: schema.required?.includes(name) }));
  }
  const error = h("p", { class: "field-error", hidden: true });
  const body = h("div", { class: "fields" }, [...fields.values()].map((field) => field.element));
  // What may be left out is not there until it is asked for: half an object would be refused.
  const canBeAbsent = spec.optional && !spec.bare;
  const first = fields.values().next().value?.control;
  const toggle = h("button", { type: "button", class: "quiet small", onclick: () => setPresent(body.hidden, true) });
  const element = spec.bare
    ? h("div", { class: "fields-bare" }, body, error)
    : h(
        "fieldset",
        { class: "field group" },
        h("legend", { class: "field-label" }, spec.label),
        spec.description ? h("p", { class: "field-hint" }, spec.description) : null,
        body,
        canBeAbsent ? toggle : null,
        error,
      );
  let unknown = {};

  function setPresent(present, focus = false) {
    body.hidden = !present;
    toggle.replaceChildren(icon(present ? "close" : "plus"), present ? "Leave out" : "Add");
    if (focus) (present ? first : toggle)?.focus();
  }
  setPresent(!canBeAbsent);

  return {
    element,
    control: first,
    value() {
      if (body.hidden) return undefined;
      const entries = [...fields].map(([name, field]) => [name, field.value()]);
      return { ...unknown, ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)) };
    },
    set(value) {
      setPresent(!canBeAbsent || (value !== undefined && value !== null));
      const given = value ?? {};
      for (const [name, field] of fields) field.set(given[name]);
      // What the raw JSON holds beyond the form is kept, so that changing tabs loses nothing.
      unknown = Object.fromEntries(Object.entries(given).filter(([name]) => !fields.has(name)));
    },
    showErrors(errors) {
      const left = shareErrors(errors, (name) => fields.get(name), [...fields.keys()]);
      if (spec.bare) return left;
      error.textContent = left.map((one) => one.message).join(" ");
      error.hidden = left.length === 0;
      return [];
    },
  };
}
