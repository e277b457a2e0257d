// A list: rows that can be added and taken away.
import { h, icon } from "/static/dom.js";
import { makeField, shareErrors } from "/static/form/field.js";
import { initial, resolve } from "/static/form/schema.js";

export function listField(spec) {
  const { schema, form } = spec;
  const itemSchema = resolve(schema.items, form.root);
  let rows = [];
  const list = h("div", { class: "rows" });
  const error = h("p", { class: "field-error", hidden: true });
  const add = h(
    "button",
    { type: "button", class: "quiet small", onclick: () => addRow(initial(itemSchema, form.root)).field.control?.focus() },
    icon("plus"),
    "Add",
  );
  const element = h(
    "fieldset",
    { class: "field list" },
    h("legend", { class: "field-label" }, spec.label),
    spec.description ? h("p", { class: "field-hint" }, spec.description) : null,
    list,
    add,
    error,
  );

  function addRow(value) {
    const number = rows.length + 1;
    const field = makeField(itemSchema, form, { name: `${spec.label} ${number}`, required: true });
    const remove = h("button", { type: "button", class: "quiet icon-only", title: "Take away", "aria-label": `Take away ${spec.label} ${number}` }, icon("close"));
    const row = { field, element: h("div", { class: "row" }, field.element, remove) };
    remove.addEventListener("click", () => {
      rows = rows.filter((other) => other !== row);
      row.element.remove();
      bound();
      (rows.at(-1)?.field.control ?? add).focus();
    });
    field.set(value);
    rows.push(row);
    list.append(row.element);
    bound();
    return row;
  }

  function bound() {
    add.disabled = rows.length >= (schema.maxItems ?? Infinity);
  }

  return {
    element,
    control: add,
    value() {
      const values = rows.map((row) => row.field.value() ?? (itemSchema.type === "string" ? "" : null));
      return values.length === 0 && spec.optional && !("default" in schema) ? undefined : values;
    },
    set(value) {
      rows = [];
      list.replaceChildren();
      for (const item of Array.isArray(value) ? value : []) addRow(item);
      bound();
    },
    showErrors(errors) {
      const names = rows.map((_, at) => String(at));
      const left = shareErrors(errors, (name) => rows[Number(name)].field, names);
      error.textContent = left.map((one) => one.message).join(" ");
      error.hidden = left.length === 0;
      return [];
    },
  };
}
