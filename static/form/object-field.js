// Fields under a common heading.
import { h } from "/static/dom.js";
import { makeField, shareErrors } from "/static/form/field.js";

export function objectField(spec) {
  const { schema, form } = spec;
  const fields = new Map();
  for (const [name, property] of Object.entries(schema.properties)) {
    fields.set(name, makeField(property, form, { name, required: schema.required?.includes(name) }));
  }
  const error = h("p", { class: "field-error", hidden: true });
  const body = h("div", { class: "fields" }, [...fields.values()].map((field) => field.element));
  const element = spec.bare
    ? h("div", { class: "fields-bare" }, body, error)
    : h(
        "fieldset",
        { class: "field group" },
        h("legend", { class: "field-label" }, spec.label),
        spec.description ? h("p", { class: "field-hint" }, spec.description) : null,
        body,
        error,
      );
  let unknown = {};
  return {
    element,
    control: fields.values().next().value?.control,
    value() {
      const entries = [...fields].map(([name, field]) => [name, field.value()]);
      const said = { ...unknown, ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)) };
      return spec.optional && !spec.bare && Object.keys(said).length === 0 ? undefined : said;
    },
    set(value) {
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
