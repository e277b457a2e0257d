// Whatever the schema says that no other field knows: written as JSON.
import { h } from "/static/dom.js";
import { frame, takeErrors } from "/static/form/field.js";

export function jsonField(spec) {
  if ("const" in spec.schema) return constantField(spec);
  const control = h("textarea", { rows: 4, class: "code", spellcheck: false, placeholder: "JSON" });
  const { element, show } = frame(spec, control, { limits: "Written as JSON." });
  return {
    element,
    control,
    value() {
      if (control.value.trim() === "") return undefined;
      try {
        return JSON.parse(control.value);
      } catch {
        // As a text it reaches the server, which says what is wrong with it.
        return control.value;
      }
    },
    set(value) {
      control.value = value === undefined ? "" : JSON.stringify(value, null, 2);
    },
    showErrors: takeErrors(show),
  };
}

/** Nothing to choose: the mark by which a variant is known. */
function constantField(spec) {
  return { element: h("div", { hidden: true }), value: () => spec.schema.const, set() {}, showErrors: (errors) => errors };
}
