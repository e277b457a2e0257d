// A value of one of several shapes: choose the shape, then fill it in.
import { h } from "/static/dom.js";
import { frame, makeField } from "/static/form/field.js";
import { initial, resolve, variants } from "/static/form/schema.js";

export function variantField(spec) {
  const { schema, form } = spec;
  const shapes = variants(schema, form.root);
  const empty = spec.optional ? h("option", { value: "" }, "—") : null;
  const control = h("select", {}, empty, shapes.map(({ name }, at) => h("option", { value: String(at) }, name)));
  const { element, show } = frame(spec, control, {});
  const body = h("div", { class: "variant-body" });
  element.append(body);
  let inner = null;

  function choose(at, value) {
    control.value = at === null ? "" : String(at);
    inner = at === null ? null : makeField(shapes[at].schema, form, { name: shapes[at].name, required: true, bare: true });
    body.replaceChildren(...(inner ? [inner.element] : []));
    inner?.set(value === undefined ? initial(shapes[at].schema, form.root) : value);
  }
  control.addEventListener("change", () => choose(control.value === "" ? null : Number(control.value)));
  choose(spec.optional ? null : 0);

  return {
    element,
    control,
    value: () => inner?.value(),
    set(value) {
      if (value === undefined || value === null) return choose(spec.optional ? null : 0);
      const at = shapes.findIndex((shape) => fits(value, shape.schema, form.root));
      choose(Math.max(at, 0), value);
    },
    showErrors(errors) {
      show(errors.filter((error) => error.path.length === 0).map((error) => error.message).join(" "));
      return inner ? inner.showErrors(errors.filter((error) => error.path.length > 0)) : [];
    },
  };
}

/** Good enough to find the shape of a value that was valid: its type, and its constants and names for an object. */
function fits(value, schema, root) {
  if ("const" in schema) return schema.const === value;
  if (schema.enum) return schema.enum.includes(value);
  if (Array.isArray(value)) return schema.type === "array";
  if (typeof value !== "object") return typeof value === (schema.type === "integer" ? "number" : schema.type);
  const properties = schema.properties ?? {};
  const constants = Object.entries(properties).filter(([, property]) => "const" in resolve(property, root));
  return (
    (schema.required ?? []).every((name) => name in value) &&
    constants.every(([name, property]) => value[name] === resolve(property, root).const)
  );
}
