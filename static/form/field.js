// Makes the field for a schema. A field is `{ node, read(), errors }`: what is shown, what its value is now, and where
// the errors of its parts are shown. `read()` answers `undefined` for "leave it out".

import { arrayField, tupleField } from './array-field.js';
import { choiceField } from './choice-field.js';
import { jsonField } from './json-field.js';
import { mapField } from './map-field.js';
import { numberField } from './number-field.js';
import { objectField } from './object-field.js';
import { optionalField } from './optional-field.js';
import { initial, understand } from './schema.js';
import { booleanField } from './boolean-field.js';
import { textField } from './text-field.js';
import { variantsField } from './variants-field.js';

const MAKERS = {
  text: textField,
  number: numberField,
  boolean: booleanField,
  choice: choiceField,
  object: objectField,
  map: mapField,
  array: arrayField,
  tuple: tupleField,
  variants: variantsField,
  any: jsonField,
};
/** These show "nothing" by themselves; the others get a switch when they may be left out. */
const CAN_BE_EMPTY = ['text', 'number', 'boolean', 'choice', 'any', 'constant'];

/**
 * @param context `{ schema, root, path, label, required, value, bare }`: `path` is the JSON pointer, `bare` leaves out the
 *   label because what is around shows it.
 */
export function makeField(context) {
  const { kind, schema, nullable } = understand(context.schema, context.root);
  const given = context.value !== undefined ? context.value : initial(schema);
  const inner = { ...context, schema, nullable, value: given, makeField };
  if (kind === 'constant') return constantField(schema.const);
  const mayBeAbsent = nullable || (!context.required && given === undefined);
  if (mayBeAbsent && !CAN_BE_EMPTY.includes(kind)) return optionalField(inner, MAKERS[kind]);
  return MAKERS[kind](inner);
}

function constantField(value) {
  const node = document.createElement('span');
  node.hidden = true;
  return { node, read: () => value, children: [] };
}
