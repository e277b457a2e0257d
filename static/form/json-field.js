// Anything: what no other field fits is written as JSON.

import { h } from '../dom.js';
import { text } from '../text.js';
import { FieldError, framed } from './frame.js';

export function jsonField(context) {
  const control = h('textarea', { class: 'input is-long is-code', rows: '4', spellcheck: 'false' });
  control.value = context.value === undefined ? '' : JSON.stringify(context.value, null, 2);
  const read = () => {
    if (control.value.trim() === '') return context.required && context.nullable ? null : undefined;
    try {
      return JSON.parse(control.value);
    } catch (error) {
      throw new FieldError(context.path, text.form.badJson(error.message));
    }
  };
  return { ...framed(context, control), read, children: [] };
}
