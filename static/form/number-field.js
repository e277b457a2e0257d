// A number, whole or not, with its limits in the hint and in the control.
import { h } from "/static/dom.js";
import { frame, takeErrors } from "/static/form/field.js";

export function numberField(spec) {
  const { schema } = spec;
  const whole = schema.type === "integer";
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const control = h("input", { type: "number", inputMode: whole ? "numeric" : "decimal", step: whole ? "1" : "any" });
  if (least !== undefined) control.min = least;
  // The largest number of a Rust type is no limit that a person wants to read.
  if (most !== undefined && most < 2 ** 31) control.max = most;
  const { element, show } = frame(spec, control, { limits: limits(least, control.max) });
  return {
    element,
    control,
    value() {
      if (control.value !== "") return Number(control.value);
      // What is no number reads as empty: say so, by a text that the server refuses by name.
      return control.validity.badInput ? "not a number" : undefined;
    },
    set(value) {
      control.value = value ?? "";
    },
    showErrors: takeErrors(show),
  };
}

function limits(least, most) {
  if (most === "") return least > 0 ? `At least ${least}.` : "";
  return `${least ?? "Up to"}${least === undefined ? " " : "–"}${most}.`;
}
