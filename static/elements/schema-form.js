// <schema-form>: a form made from a JSON Schema, with the raw JSON as its other tab.
//
//   form.setSchema(schema, value)   form.read() → value, or undefined with the errors shown
//   form.showErrors([{ path, message }]) → those that belong to no field

import { fill, h, newId } from '../dom.js';
import { parseJson } from '../exact.js';
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
  /** Which field was sent as what: by JSON pointer, as it was when the value was read. */
  #sent = new Map();
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
      const value = this.#showsJson ? parse(this.#json.value) : this.#field.read();
      this.#sent = this.#showsJson ? new Map() : placesOf(this.#field);
      return value;
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.#showMistake(error);
      this.isWrong = true;
      return undefined;
    }
  }

  /** The value without showing what is wrong with it: what can be read of it, undefined when nothing can. */
  peek() {
    try {
      return this.#showsJson ? parse(this.#json.value) : this.#field?.read(true);
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
    eachField(this.#field, (field) => field.showError?.(null));
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
    this.#field = makeField({ schema: this.#schema, root: this.#schema, isWhole: true, label: text.form.value, required: true, value });
    this.#sent = new Map();
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

  /** What was found before anybody else has seen the value. */
  #showMistake({ field, message }) {
    if (field?.showError) {
      field.showError(message);
      field.focus?.();
      return;
    }
    this.errorPlace.textContent = message;
    this.errorPlace.hidden = false;
    if (this.#showsJson) this.#json.focus();
  }

  /** The field that was sent at a path, else the nearest one around it; it may have been removed meanwhile. */
  #find(path) {
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const field = this.#sent.get(at);
      if (field?.showError && this.contains(field.node)) return field;
      if (at === '') return null;
    }
  }
}

/** A validator says of a missing property that the object around it is wrong; people look for it at the property. */
function atItsField({ path = '', message = '' }) {
  const missing = /^"(.+)" is a required property$/.exec(message);
  return missing ? { path: `${path}/${escape(missing[1])}`, message: text.form.required } : { path, message: inWords(message) };
}

function isBefore(node, other) {
  return Boolean(node.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function eachField(field, visit) {
  if (!field) return;
  visit(field);
  for (const part of field.parts) eachField(part.field, visit);
}

/** The fields by their JSON pointers, as the server sees the value that they make. */
function placesOf(field, path = '', places = new Map()) {
  // Of those at one place the innermost stands nearest to what is wrong.
  if (field.showError) places.set(path, field);
  for (const { name, field: part } of field.parts) {
    if (name !== undefined) placesOf(part, name === null ? path : `${path}/${escape(name)}`, places);
  }
  return places;
}

/** For a JSON pointer. */
function escape(name) {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function parse(json) {
  try {
    return parseJson(json);
  } catch (error) {
    throw new FieldError(null, text.form.badJson(error.message));
  }
}

customElements.define('schema-form', SchemaForm);
