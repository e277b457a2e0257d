// Yes or no: a switch; a choice of three where it may also be left open.

import { h } from '../dom.js';
import { text } from '../text.js';
import { absent, framed } from './frame.js';

export function booleanField(context) {
  return context.nullable ? threeWays(context) : twoWays(context);
}

function twoWays(context) {
  const control = h('input', { type: 'checkbox', class: 'switch', role: 'switch' });
  control.checked = context.value === true;
  const frame = framed({ ...context, required: true }, control);
  frame.node.classList.add('is-switch');
  return { ...frame, read: () => control.checked, parts: [] };
}

function threeWays(context) {
  const option = (value, label) => h('option', { value }, label);
  const control = h('select', { class: 'input' },
    option('', text.form.unset), option('true', text.form.yes), option('false', text.form.no));
  control.value = context.value === true ? 'true' : context.value === false ? 'false' : '';
  const read = () => (control.value === '' ? absent(context) : control.value === 'true');
  return { ...framed(context, control), read, parts: [] };
}
