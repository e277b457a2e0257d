// Values under names that the person chooses.
import { h, icon } from "/static/dom.js";
import { makeField } from "/static/form/field.js";
import { initial, resolve } from "/static/form/schema.js";

export function mapField(spec) {
  const { schema, form } = spec;
  const valueSchema = resolve(schema.additionalProperties, form.root);
  let rows = [];
  const list = h("div", { class: "rows" });
  const error = h("p", { class: "field-error", hidden: true });
  const add = h("button", { type: "button", class: "quiet small", onclick: () => addRow("", initial(valueSchema, form.root)).key.focus() }, icon("plus"), "Add");
  const element = h(
    "fieldset",
    { class: "field list" },
    h("legend", { class: "field-label" }, spec.label),
    spec.description ? h("p", { class: "field-hint" }, spec.description) : null,
    list,
    add,
    error,
  );

  function addRow(name, value) {
    const key = h("input", { type: "text", placeholder: "name", "aria-label": "Name", value: name });
    const field = makeField(valueSchema, form, { name: "Value", required: true });
    const remove = h("button", { type: "button", class: "quiet icon-only", "aria-label": "Take away" }, icon("close"));
    const row = { key, field, element: h("div", { class: "row map-row" }, key, field.element, remove) };
    remove.addEventListener("click", () => {
      rows = rows.filter((other) => other !== row);
      row.element.remove();
      add.focus();
    });
    field.set(value);
    rows.push(row);
    list.append(row.element);
    return row;
  }

  return {
    element,
    control: add,
    value() {
      const named = rows.filter((row) => row.key.value !== "");
      const said = Object.fromEntries(named.map((row) => [row.key.value, row.field.value() ?? null]));
      return named.length === 0 && spec.optional ? undefined : said;
    },
    set(value) {
      rows = [];
      list.replaceChildren();
      for (const [name, inner] of Object.entries(value ?? {})) addRow(name, inner);
    },
    showErrors(errors) {
      const left = errors.filter((error) => {
        const row = rows.find((one) => one.key.value === error.path[0]);
        row?.field.showErrors([{ ...error, path: error.path.slice(1) }]);
        return !row;
      });
      error.textContent = left.map((one) => one.message).join(" ");
      error.hidden = left.length === 0;
      return [];
    },
  };
}
