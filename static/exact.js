// JSON whose whole numbers keep their digits. A browser counts exactly up to 2^53 only; what is larger is kept as it is
// written, so that it is shown and sent again as it came. A browser that cannot (no JSON.rawJSON) takes the nearest number.

/** Few texts have so many digits, and to look at each number takes time. */
const LONG = /(?:^|[[:,\s])-?\d{16}/;
const WHOLE = /^-?\d+$/;

export function parseJson(json) {
  return LONG.test(json) ? JSON.parse(json, (_, value, context) => (typeof value === 'number' ? exactly(context?.source ?? '', value) : value)) : JSON.parse(json);
}

/** A number as it is written; `other` where it can be said no better. */
export function exactly(written, other = Number(written)) {
  if (!WHOLE.test(written) || Number.isSafeInteger(Number(written)) || !JSON.rawJSON) return other;
  return JSON.rawJSON(written.replace(/^(-?)0+(?=\d)/, '$1'));
}

export function isExact(value) {
  return Boolean(JSON.isRawJSON?.(value));
}

/** No list and no record: what has no parts. */
export function isPlain(value) {
  return typeof value !== 'object' || value === null || isExact(value);
}

export function isRecord(value) {
  return !isPlain(value) && !Array.isArray(value);
}

/** What has no parts, as a text; what has some, as JSON. */
export function inWords(value) {
  return isExact(value) ? value.rawJSON : isPlain(value) ? String(value) : JSON.stringify(value);
}
