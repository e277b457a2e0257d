// One of a few values: buttons side by side while they fit, a list when they are many.
import { freshId, h } from "/static/dom.js";
import { frame, takeErrors } from "/static/form/field.js";
import { choices } from "/static/form/schema.js";

const MOST_BUTTONS = 4;

export function choiceField(spec, given) {
  const options = given ?? choices(spec.schema, spec.form.root);
  const short = options.every((option) => option.label.length <= 16);
  return options.length <= MOST_BUTTONS && short ? buttons(spec, options) : list(spec, options);
}

function list(spec, options) {
  const empty = h("option", { value: "" }, spec.optional ? "—" : "Choose…");
  const control = h("select", {}, empty, options.map(({ label }, at) => h("option", { value: String(at) }, label)));
  const { element, show } = frame(spec, control, {});
  return {
    element,
    control,
    value: () => (control.value === "" ? undefined : options[Number(control.value)].value),
    set(value) {
      control.value = String(placeOf(options, value));
    },
    showErrors: takeErrors(show),
  };
}

function buttons(spec, options) {
  const group = freshId("choice");
  const error = h("p", { class: "field-error", hidden: true });
  const shown = spec.optional && !("default" in spec.schema) ? [...options, { label: "None", none: true }] : options;
  const inputs = shown.map(() => h("input", { type: "radio", name: group, class: "visually-hidden" }));
  const element = h(
    "fieldset",
    { class: "field choice" },
    h("legend", { class: "field-label" }, spec.label),
    h(
      "div",
      { class: "choice-buttons" },
      shown.map(({ label, description }, at) => h("label", { title: description }, inputs[at], h("span", {}, label))),
    ),
    spec.description ? h("p", { class: "field-hint" }, spec.description) : null,
    error,
  );
  const show = (text) => {
    error.textContent = text;
    error.hidden = !text;
  };
  element.addEventListener("input", () => show(""));
  return {
    element,
    control: inputs[0],
    value() {
      const at = inputs.findIndex((input) => input.checked);
      return at < 0 || shown[at].none ? undefined : shown[at].value;
    },
    set(value) {
      const at = placeOf(options, value);
      const none = shown.findIndex((choice) => choice.none);
      inputs.forEach((input, place) => {
        input.checked = at === "" ? place === none : place === at;
      });
    },
    showErrors: takeErrors(show),
  };
}

function placeOf(options, value) {
  const text = JSON.stringify(value);
  const at = options.findIndex((option) => JSON.stringify(option.value) === text);
  return at < 0 ? "" : at;
}
