// A text: one line, many lines, a secret, a date, an address.

import { h } from '../dom.js';
import { text } from '../text.js';
import { FieldError, framed } from './frame.js';
import { isLong, isSecret } from './schema.js';

const INPUT_TYPES = { email: 'email', uri: 'url', url: 'url', date: 'date', time: 'time', 'date-time': 'datetime-local' };

export function textField(context) {
  const { schema, value, required, nullable } = context;
  const isMoment = schema.format === 'date-time';
  const control = makeControl(schema);
  control.value = isMoment ? toLocal(value) : value ?? '';
  const around = isSecret(schema) ? withReveal(control) : control;
  const frame = framed(context, control, { around });
  // An emptied text that had a value is an empty text; one that never had any is left out.
  const keepsEmpty = (required || 'default' in schema) && !nullable && !INPUT_TYPES[schema.format];
  const read = () => {
    // A date without its time, say: the browser answers nothing for it.
    if (control.validity.badInput) throw new FieldError(context.path, text.form.notWhole);
    if (control.value === '' && !keepsEmpty) return nullable && required ? null : undefined;
    return isMoment ? new Date(control.value).toISOString() : control.value;
  };
  return { ...frame, read, children: [] };
}

function makeControl(schema) {
  const limits = { spellcheck: 'false', placeholder: example(schema) };
  if (isLong(schema)) return h('textarea', { ...limits, rows: '5', class: 'input is-long', spellcheck: 'true' });
  if (isSecret(schema)) return h('input', { ...limits, type: 'password', class: 'input', autocomplete: 'new-password' });
  const type = INPUT_TYPES[schema.format] ?? 'text';
  return h('input', { ...limits, type, class: 'input', autocomplete: 'off', step: type === 'datetime-local' ? '1' : null });
}

function example(schema) {
  const first = Array.isArray(schema.examples) ? schema.examples[0] : undefined;
  return typeof first === 'string' ? first : null;
}

function withReveal(control) {
  const button = h('button', { type: 'button', class: 'button is-quiet', 'aria-pressed': 'false', onclick: reveal }, text.form.show);
  function reveal() {
    const hidden = control.type === 'password';
    control.type = hidden ? 'text' : 'password';
    button.textContent = hidden ? text.form.hide : text.form.show;
    button.setAttribute('aria-pressed', String(hidden));
  }
  return h('div', { class: 'input-row' }, control, button);
}

/** RFC 3339 to what `datetime-local` understands, in the reader's own time. */
function toLocal(value) {
  const at = new Date(value ?? NaN);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
