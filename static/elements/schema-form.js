// <schema-form>: a form made from a JSON Schema, with the raw JSON as its other tab.
//
//   form.setSchema(schema, value)   form.read() → value, or undefined with the errors shown
//   form.showErrors([{ path, message }]) → those that belong to no field

import { fill, h, newId } from '../dom.js';
import { makeField } from '../form/field.js';
import { FieldError } from '../form/frame.js';
import { inWords } from '../form/refusal.js';
import { text } from '../text.js';

export class SchemaForm extends HTMLElement {
  #schema = {};
  #field = null;
  #showsJson = false;
  #json = null;
  #panel = null;
  #tabs = [];
  /** Whether the last reading found something that is no value; what it answered is none then. */
  isWrong = false;

  /** `tabs: false` leaves out the JSON, where a form is only a question. */
  setSchema(schema, value, { tabs = true } = {}) {
    this.#schema = schema ?? {};
    this.#json = h('textarea', { class: 'input is-code is-tall', spellcheck: 'false', 'aria-label': text.form.jsonLabel });
    this.#panel = h('div', { class: 'form-panel', id: newId('panel') });
    this.errorPlace = h('p', { class: 'field-error', hidden: true });
    fill(this, tabs ? this.#makeTabs() : null, this.#panel, this.errorPlace);
    this.#showForm(value);
  }

  get isEmpty() {
    return !this.#showsJson && !this.#field?.node.querySelector('input, select, textarea, button');
  }

  read() {
    this.clearErrors();
    try {
      return this.#showsJson ? parse(this.#json.value) : this.#field.read();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.showErrors([error]);
      this.isWrong = true;
      return undefined;
    }
  }

  /** The value without showing what is wrong with it; undefined when it cannot be read. */
  peek() {
    try {
      return this.#showsJson ? parse(this.#json.value) : this.#field?.read();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      return undefined;
    }
  }

  showErrors(errors) {
    this.clearErrors();
    const left = [];
    const shown = [];
    for (const error of errors) {
      const { path, message } = atItsField(error);
      const field = this.#showsJson ? null : this.#find(path);
      if (field) {
        field.showError(message);
        shown.push(field);
      } else {
        left.push(error);
      }
    }
    if (left.length > 0) {
      this.errorPlace.textContent = left.map((error) => [error.path, error.message].filter(Boolean).join(': ')).join('\n');
      this.errorPlace.hidden = false;
    }
    const first = shown.sort((a, b) => isBefore(a.node, b.node) ? -1 : 1)[0];
    if (first) first.focus();
    else if (this.#showsJson && errors.length > 0) this.#json.focus();
    return left;
  }

  clearErrors() {
    this.isWrong = false;
    this.errorPlace.hidden = true;
    each(this.#field, (field) => field.showError?.(null));
  }

  #makeTabs() {
    const tab = (label, isJson) => h('button', {
      type: 'button', role: 'tab', class: 'tab', 'aria-controls': this.#panel.id, onclick: () => this.#turn(isJson),
    }, label);
    this.#tabs = [tab(text.form.form, false), tab(text.form.json, true)];
    const onkeydown = (event) => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      this.#turn(!this.#showsJson);
      this.#tabs[this.#showsJson ? 1 : 0].focus();
    };
    return h('div', { class: 'tabs', role: 'tablist', 'aria-label': text.form.view, onkeydown }, this.#tabs);
  }

  /** To the other tab, taking along what was entered. */
  #turn(toJson) {
    if (toJson === this.#showsJson) return;
    const value = this.read();
    if (this.isWrong) return;
    if (!toJson) {
      this.#showForm(value);
      return;
    }
    this.#showsJson = true;
    this.#json.value = JSON.stringify(value ?? {}, null, 2);
    fill(this.#panel, this.#json);
    this.#markTabs();
  }

  #showForm(value) {
    this.#showsJson = false;
    this.#field = makeField({ schema: this.#schema, root: this.#schema, path: '', label: text.form.value, required: true, value });
    fill(this.#panel, this.#field.node);
    this.#markTabs();
  }

  #markTabs() {
    this.#panel.setAttribute('role', this.#tabs.length ? 'tabpanel' : 'presentation');
    this.#tabs.forEach((tab, at) => {
      const selected = (at === 1) === this.#showsJson;
      tab.setAttribute('aria-selected', String(selected));
      tab.tabIndex = selected ? 0 : -1;
    });
  }

  /** The field at a path, else the nearest one around it that can show an error. */
  #find(path) {
    let found = null;
    each(this.#field, (field) => {
      const around = field.path === path || path.startsWith(`${field.path}/`);
      if (field.showError && field.path !== '' && around && (!found || field.path.length >= found.path.length)) found = field;
    });
    if (!found && path === '' && this.#field.showError) found = this.#field;
    return found;
  }
}

/** A validator says of a missing property that the object around it is wrong; people look for it at the property. */
function atItsField({ path = '', message = '' }) {
  const missing = /^"(.+)" is a required property$/.exec(message);
  return missing ? { path: `${path}/${missing[1]}`, message: text.form.required } : { path, message: inWords(message) };
}

function isBefore(node, other) {
  return Boolean(node.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function each(field, visit) {
  if (!field) return;
  visit(field);
  for (const child of field.children ?? []) each(child, visit);
}

function parse(json) {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new FieldError('', text.form.badJson(error.message));
  }
}

customElements.define('schema-form', SchemaForm);
