// What every field looks like around its control: label, description, and the place for its error.

import { h, newId, setText } from '../dom.js';
import { text } from '../text.js';

/** What is wrong with what was entered, and where, before any server has seen it. */
export class FieldError {
  /** @param field  what shows it; null where there is no field */
  constructor(field, message) {
    this.field = field;
    this.message = message;
  }
}

/** What is sent for an emptied field: nothing, unless a default would then stand in its place. */
export function absent({ nullable, required, schema }) {
  return nullable && (required || (schema.default ?? null) !== null) ? null : undefined;
}

/**
 * Reads a control. What nobody has touched is sent as it was given: a field may show less than it holds, such as a
 * moment without its fractions of a second, or a text whose line ends a browser makes its own.
 */
export function reader(control, { value }, readNow) {
  const shown = control.value;
  return (isDraft) => (value !== undefined && value !== null && control.value === shown && !control.validity?.badInput ? value : readNow(isDraft));
}

/**
 * Puts a control into its frame. `control` is the element that gets focus and is described by the rest.
 * Answers the parts of a field: `{ node, showError(message), focus() }`.
 */
export function framed(context, control, { around = control, note = '' } = {}) {
  control.id ||= newId('field');
  const help = h('p', { class: 'field-help', id: `${control.id}-help` }, describe(context.schema, note));
  const error = h('p', { class: 'field-error', id: `${control.id}-error`, hidden: true });
  const described = [help.textContent && help.id, error.id].filter(Boolean).join(' ');
  control.setAttribute('aria-describedby', described);
  if (context.required && !context.nullable) control.setAttribute('aria-required', 'true');
  if (context.bare) control.setAttribute('aria-label', context.label);
  const label = context.bare ? null : h('label', { class: 'field-label', for: control.id }, labelParts(context));
  const node = h('div', { class: 'field' }, label, !context.bare && help.textContent ? help : null, around, error);
  return { node, showError: errorShower(node, error, control), focus: () => control.focus() };
}

/** The same for a group of controls. */
export function grouped(context, body, { role = 'group' } = {}) {
  const id = newId('group');
  const error = h('p', { class: 'field-error', id: `${id}-error`, hidden: true });
  const head = context.bare ? null : h('legend', { class: 'field-label' }, labelParts(context));
  const help = context.schema.description && !context.bare
    ? h('p', { class: 'field-help' }, context.schema.description) : null;
  const attributes = { class: 'field group', id, role: role === 'group' ? null : role, 'aria-describedby': error.id };
  if (context.bare) attributes['aria-label'] = context.label;
  const node = h('fieldset', attributes, head, help, body, error);
  const focus = () => (node.querySelector('input, select, textarea, button'))?.focus();
  return { node, showError: errorShower(node, error, node), focus };
}

export function labelParts({ label, required, nullable, schema }) {
  const optional = !required && (nullable || !('default' in schema));
  return [label, optional ? h('span', { class: 'field-optional' }, text.form.optional) : null];
}

function describe(schema, note) {
  return [schema.description, note].filter(Boolean).join(' ');
}

export function errorShower(node, error, control) {
  return (message) => {
    setText(error, message ?? '');
    error.hidden = !message;
    node.classList.toggle('is-wrong', Boolean(message));
    if (message) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  };
}
