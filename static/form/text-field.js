// A text: one line, many lines, a secret, a date, an address.

import { h } from '../dom.js';
import { text } from '../text.js';
import { absent, FieldError, framed, reader } from './frame.js';
import { isLong, isSecret } from './schema.js';

const INPUT_TYPES = { email: 'email', uri: 'url', url: 'url', date: 'date', time: 'time', 'date-time': 'datetime-local' };

export function textField(context) {
  const { schema, value, required, nullable } = context;
  const control = makeControl(schema, value);
  const { show, tell } = CLOCKS[schema.format] ?? { show: (given) => given ?? '', tell: (shown) => shown };
  control.value = show(value);
  const around = isSecret(schema) ? withReveal(control) : control;
  const frame = framed(context, control, { around, note: schema.format === 'time' ? text.form.inUtc : '' });
  // An emptied text that had a value is an empty text; one that never had any is left out.
  const keepsEmpty = (required || 'default' in schema) && !nullable && !INPUT_TYPES[schema.format] && !isSecret(schema);
  const read = reader(control, context, () => {
    // A date without its time, say: the browser answers nothing for it.
    if (control.validity.badInput) throw new FieldError(frame, text.form.notWhole);
    return control.value === '' && !keepsEmpty ? absent(context) : tell(control.value, value);
  });
  return { ...frame, read, parts: [] };
}

/** What a browser's own fields show of a time, and what is sent: both with their distance to UTC. */
const CLOCKS = {
  'date-time': { show: toLocal, tell: (shown) => new Date(shown).toISOString() },
  time: {
    show: (given) => /^\d\d:\d\d(:\d\d)?/.exec(given ?? '')?.[0] ?? '',
    tell: (shown, given) => `${shown.length === 5 ? `${shown}:00` : shown}${/(Z|[+-]\d\d:\d\d)$/i.exec(given ?? '')?.[0] ?? 'Z'}`,
  },
};

function makeControl(schema, value) {
  const limits = { spellcheck: 'false', placeholder: example(schema) };
  // In one line a browser would take the ends of lines out of what is there.
  const hasLines = typeof value === 'string' && /[\r\n]/.test(value) && !INPUT_TYPES[schema.format] && !isSecret(schema);
  if (isLong(schema) || hasLines) return h('textarea', { ...limits, rows: '5', class: 'input is-long', spellcheck: 'true' });
  if (isSecret(schema)) return h('input', { ...limits, type: 'password', class: 'input', autocomplete: 'new-password' });
  const type = INPUT_TYPES[schema.format] ?? 'text';
  return h('input', { ...limits, type, class: 'input', autocomplete: 'off', step: ['datetime-local', 'time'].includes(type) ? '1' : null });
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
