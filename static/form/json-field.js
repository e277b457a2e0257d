// Anything: what no other field fits is written as JSON.

import { h } from '../dom.js';
import { text } from '../text.js';
import { parseJson } from '../exact.js';
import { absent, FieldError, framed } from './frame.js';

export function jsonField(context) {
  const control = h('textarea', { class: 'input is-long is-code', rows: '4', spellcheck: 'false' });
  control.value = context.value === undefined ? '' : JSON.stringify(context.value, null, 2);
  const frame = framed(context, control);
  const read = () => {
    if (control.value.trim() === '') return absent(context);
    try {
      return parseJson(control.value);
    } catch (error) {
      throw new FieldError(frame, text.form.badJson(error.message));
    }
  };
  return { ...frame, read, parts: [] };
}
