// <schema-form>: a form made from a JSON Schema, with the same value as raw JSON one tab further.
//
// form.schema = …; form.value = …; form.value; form.showErrors([{ path: "/theme", message }]); "submit" as usual.
import { freshId, h } from "/static/dom.js";
import { makeField } from "/static/form/field.js";
import { initial, resolve } from "/static/form/schema.js";

class SchemaForm extends HTMLElement {
  #field = null;
  #raw = null;
  #rawError = null;
  #summary = null;
  #isRaw = false;
  #tabs = [];

  /** `action` is the button's text; without `tabs` there is only the form. */
  show(schema, { action, tabs = true, busyText = "Starting…" }) {
    const root = resolve(schema, schema);
    const isObject = Boolean(root.properties);
    this.#field = isObject ? bareObject(schema) : makeField(schema, { root: schema, depth: 0 }, { name: "value", required: true });
    this.#field.set(isObject ? { ...defaults(root, schema), ...root.default } : initial(schema, schema));
    this.#summary = h("div", { class: "form-error", role: "alert", hidden: true });
    this.#raw = h("textarea", { class: "code", rows: 12, spellcheck: false, "aria-label": "Inputs as JSON" });
    this.#rawError = h("p", { class: "field-error", hidden: true });
    const noFields = isObject && Object.keys(root.properties).length === 0;
    const formPanel = h("div", { class: "panel", role: tabs ? "tabpanel" : undefined }, noFields ? h("p", { class: "field-hint" }, "Nothing to fill in.") : this.#field.element);
    const rawPanel = h("div", { class: "panel", role: "tabpanel", hidden: true }, this.#raw, this.#rawError);
    this.button = h("button", { type: "submit", class: "primary", dataset: { busyText } }, action);
    this.replaceChildren(
      tabs ? this.#tabList(formPanel, rawPanel) : "",
      h(
        "form",
        { noValidate: true, onsubmit: (event) => this.#submit(event) },
        formPanel,
        rawPanel,
        this.#summary,
        h("div", { class: "form-actions" }, this.button),
      ),
    );
  }

  /** What was entered. Throws a SyntaxError when the raw JSON is none. */
  get value() {
    return this.#isRaw ? JSON.parse(this.#raw.value || "{}") : (this.#field.value() ?? null);
  }

  /** Shows each error at its field and focuses the first; what belongs to no field stands above the button. */
  showErrors(errors, detail = "") {
    const split = errors.map(({ path, message }) => ({ message, path: parts(path) }));
    const left = this.#isRaw ? split : this.#field.showErrors(split);
    const texts = left.map(({ path, message }) => (path.length ? `${path.join(" › ")}: ${message}` : message));
    const lines = texts.length || !detail || errors.length ? texts : [detail];
    this.#summary.replaceChildren(...lines.map((text) => h("p", {}, text)));
    this.#summary.hidden = lines.length === 0;
    this.querySelector("[aria-invalid]")?.focus();
  }

  set busy(busy) {
    this.button.disabled = busy;
    this.button.classList.toggle("busy", busy);
    this.toggleAttribute("aria-busy", busy);
  }

  #submit(event) {
    event.preventDefault();
    this.showErrors([]);
    let value;
    try {
      value = this.value;
    } catch (error) {
      this.#showRawError(error.message);
      return;
    }
    this.dispatchEvent(new CustomEvent("answer", { detail: value, bubbles: true }));
  }

  #showRawError(text) {
    this.#rawError.textContent = text;
    this.#rawError.hidden = !text;
  }

  #tabList(formPanel, rawPanel) {
    const panels = [formPanel, rawPanel];
    const select = (at, focus) => {
      if (!this.#change(at === 1)) return;
      this.#tabs.forEach((tab, place) => {
        tab.setAttribute("aria-selected", String(place === at));
        tab.tabIndex = place === at ? 0 : -1;
        panels[place].hidden = place !== at;
      });
      if (focus) this.#tabs[at].focus();
    };
    this.#tabs = ["Form", "JSON"].map((label, at) => {
      panels[at].id = freshId("panel");
      return h("button", { type: "button", role: "tab", "aria-controls": panels[at].id, onclick: () => select(at) }, label);
    });
    this.#isRaw = false;
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "How to enter the inputs" }, this.#tabs);
    list.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") select(this.#isRaw ? 0 : 1, true);
    });
    select(0);
    return list;
  }

  /** Takes what was entered over to the other side; says no while the JSON cannot be read. */
  #change(toRaw) {
    if (toRaw === this.#isRaw) return true;
    if (toRaw) {
      this.#raw.value = JSON.stringify(this.#field.value() ?? {}, null, 2);
    } else {
      try {
        this.#field.set(JSON.parse(this.#raw.value || "{}"));
      } catch (error) {
        this.#showRawError(error.message);
        return false;
      }
    }
    this.#showRawError("");
    this.#isRaw = toRaw;
    return true;
  }
}

/** The outermost object needs no heading. */
function bareObject(schema) {
  const { title, description, ...rest } = resolve(schema, schema);
  return makeField(rest, { root: schema, depth: 0 }, { name: "", required: true, bare: true });
}

/** The defaults of each property, where the whole has none. */
function defaults(root, schema) {
  const entries = Object.entries(root.properties ?? {}).map(([name, property]) => [name, initial(property, schema)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function parts(pointer) {
  return (pointer ?? "").split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

customElements.define("schema-form", SchemaForm);
