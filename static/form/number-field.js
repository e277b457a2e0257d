// A number with its limits.

import { h } from '../dom.js';
import { exactly, isExact } from '../exact.js';
import { text } from '../text.js';
import { absent, FieldError, framed, reader } from './frame.js';

export function numberField(context) {
  const { schema, value } = context;
  const isWhole = schema.type === 'integer';
  const control = h('input', {
    type: 'number', class: 'input is-number', step: isWhole ? '1' : 'any', min: schema.minimum, max: schema.maximum,
    inputmode: isWhole && schema.minimum >= 0 ? 'numeric' : 'decimal', autocomplete: 'off',
  });
  control.value = isExact(value) ? value.rawJSON : value ?? '';
  const frame = framed(context, control, { note: limits(schema) });
  const read = reader(control, context, () => {
    if (control.validity.badInput) throw new FieldError(frame, text.form.notNumber);
    if (control.value === '') return absent(context);
    const number = exactly(control.value);
    // In a browser that cannot keep its digits another number would be sent than was entered.
    const isOther = isWhole && typeof number === 'number' && !Number.isSafeInteger(number) && Number.isInteger(number);
    if (isOther) throw new FieldError(frame, text.form.tooLong);
    return number;
  });
  return { ...frame, read, parts: [] };
}

/** The limits in words; the ends of an integer type say nothing to people. */
function limits(schema) {
  const min = schema.minimum ?? schema.exclusiveMinimum;
  const max = schema.maximum ?? schema.exclusiveMaximum;
  const hasMin = min !== undefined && !(min === 0 && String(schema.format).startsWith('uint'));
  const hasMax = max !== undefined && max < 2 ** 31 - 1;
  const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
  if (hasMax && min !== undefined) return sentence(text.form.between(min, max));
  if (hasMin) return sentence(text.form.atLeast(min));
  return hasMax ? sentence(text.form.atMost(max)) : '';
}
