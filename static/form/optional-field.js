// Something of several parts that may be left out: a switch, and the parts once it is on.

import { h, newId } from '../dom.js';
import { absent, errorShower } from './frame.js';

export function optionalField(context, make) {
  const id = newId('optional');
  const toggle = h('input', { type: 'checkbox', class: 'switch', role: 'switch', id, 'aria-describedby': `${id}-error` });
  const error = h('p', { class: 'field-error', id: `${id}-error`, hidden: true });
  const place = h('div', { class: 'optional-parts' });
  const { default: _, ...schema } = context.schema;
  let field = null;
  // Made only when it is wanted: a schema may contain itself.
  const show = () => {
    if (toggle.checked && !field) {
      field = make({ ...context, schema, bare: true });
      place.append(field.node);
    }
    place.hidden = !toggle.checked;
  };
  toggle.checked = context.value !== undefined && context.value !== null;
  toggle.addEventListener('change', show);
  show();
  const help = context.schema.description ? h('p', { class: 'field-help' }, context.schema.description) : null;
  const head = h('div', { class: 'field is-switch' }, h('label', { class: 'field-label', for: id }, context.label), help, toggle, error);
  return {
    node: h('div', { class: 'optional' }, head, place),
    focus: () => toggle.focus(),
    showError: errorShower(head, error, toggle),
    read: (isDraft) => (toggle.checked ? field.read(isDraft) : absent(context)),
    get parts() { return toggle.checked && field ? [{ name: null, field }] : []; },
  };
}
