// Makes the field for a schema. A field is `{ node, read(isDraft), showError(message), focus(), parts }`: what is shown, what
// its value is now, where its error is shown, and its `parts`, `{ name, field }`, of which those without a name stand for
// the whole. `read()` answers `undefined` for "leave it out". Of a draft all that can be read is read.

import { arrayField, tupleField } from './array-field.js';
import { choiceField } from './choice-field.js';
import { suits } from './fits.js';
import { FieldError } from './frame.js';
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
/** What goes deeper, as a schema may that contains itself, is written as JSON. */
const DEEPEST = 8;

/**
 * @param context `{ schema, root, label, required, value, bare }`: `bare` leaves out the label because what is around shows it.
 */
export function makeField(context, depth = 0) {
  const { kind, schema, nullable } = understand(context.schema, context.root);
  const given = context.value !== undefined ? context.value : initial(schema);
  const makePart = (part) => makeField({ root: context.root, ...part }, depth + 1);
  const inner = { ...context, schema, nullable, value: given, makeField: makePart };
  const field = makeOne(kind, inner, depth);
  const { read } = field;
  field.read = (isDraft = false) => {
    try {
      return read(isDraft);
    } catch (error) {
      if (isDraft && error instanceof FieldError) return undefined;
      throw error;
    }
  };
  return field;
}

function makeOne(kind, inner, depth) {
  const { schema, nullable, required, value } = inner;
  if (kind === 'constant') return constantField('const' in schema ? schema.const : null);
  const isGiven = value !== undefined && value !== null;
  // What is of another kind is shown as it is: a field that cannot hold it would change it.
  const make = depth >= DEEPEST || (isGiven && !suits(kind, schema, value, inner.root)) ? jsonField : MAKERS[kind];
  const mayBeAbsent = nullable || (!required && value === undefined);
  return mayBeAbsent && !CAN_BE_EMPTY.includes(kind) && make !== jsonField ? optionalField(inner, make) : make(inner);
}

function constantField(value) {
  const node = document.createElement('span');
  node.hidden = true;
  return { node, read: () => value, parts: [] };
}
