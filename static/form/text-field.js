// A text: one line, several lines, a date, an address, a secret.
import { h } from "/static/dom.js";
import { frame, takeErrors } from "/static/form/field.js";
import { isLongText, isSecret } from "/static/form/schema.js";

const INPUT_TYPES = { uri: "url", url: "url", email: "email", date: "date", time: "time" };

export function textField(spec) {
  const { schema } = spec;
  const long = isLongText(schema) && !isSecret(schema);
  const control = long
    ? h("textarea", { rows: 6, spellcheck: true })
    : h("input", { type: isSecret(schema) ? "password" : (INPUT_TYPES[schema.format] ?? "text") });
  if (isSecret(schema)) control.autocomplete = "new-password";
  else control.autocomplete = "off";
  if (schema.format === "date-time") control.placeholder = "2026-11-21T09:30:00Z";
  else if (schema.examples?.length) control.placeholder = String(schema.examples[0]);
  const { element, show } = frame(spec, control, { limits: limits(schema) });
  return {
    element,
    control,
    value() {
      // An empty field is no answer, except where it takes the place of a default. (An empty text that is meant can be
      // written as JSON.)
      return control.value === "" && !("default" in schema) ? undefined : control.value;
    },
    set(value) {
      control.value = value ?? "";
    },
    showErrors: takeErrors(show),
  };
}

function limits({ minLength, maxLength }) {
  if (maxLength && maxLength <= 1000) return minLength > 1 ? `${minLength}–${maxLength} characters.` : `Up to ${maxLength} characters.`;
  return minLength > 1 ? `At least ${minLength} characters.` : "";
}
