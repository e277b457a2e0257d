// Yes or no; with a third answer where none is allowed too.
import { h } from "/static/dom.js";
import { choiceField } from "/static/form/choice-field.js";
import { takeErrors } from "/static/form/field.js";

export function switchField(spec) {
  if (spec.nullable && spec.schema.default === undefined) return choiceField(spec, YES_OR_NO);
  const control = h("input", { type: "checkbox", id: spec.id, class: "switch", role: "switch" });
  const error = h("p", { class: "field-error", hidden: true, id: `${spec.id}-error` });
  control.setAttribute("aria-describedby", `${spec.id}-hint ${spec.id}-error`);
  const element = h(
    "div",
    { class: "field" },
    h("div", { class: "switch-row" }, h("label", { class: "field-label", htmlFor: spec.id }, spec.label), control),
    h("p", { class: "field-hint", id: `${spec.id}-hint` }, spec.description),
    error,
  );
  const show = (text) => {
    error.textContent = text;
    error.hidden = !text;
  };
  return {
    element,
    control,
    value: () => control.checked,
    set(value) {
      control.checked = value === true;
    },
    showErrors: takeErrors(show),
  };
}

const YES_OR_NO = [
  { value: true, label: "Yes" },
  { value: false, label: "No" },
];
