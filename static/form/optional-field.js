// Something of several parts that may be left out: a switch, and the parts once it is on.

import { h, newId } from '../dom.js';

export function optionalField(context, make) {
  const toggle = h('input', { type: 'checkbox', class: 'switch', role: 'switch', id: newId('optional') });
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
  const head = h('div', { class: 'field is-switch' }, h('label', { class: 'field-label', for: toggle.id }, context.label), help, toggle);
  return {
    node: h('div', { class: 'optional' }, head, place),
    path: context.path,
    focus: () => toggle.focus(),
    showError: (message) => field?.showError?.(message),
    read: () => (toggle.checked ? field.read() : context.required ? null : undefined),
    get children() { return toggle.checked && field ? [field] : []; },
  };
}
