// The server's time. Tasks begin and end by its clock, and a browser's may be minutes wrong: what one subtracts from the
// other must be of one clock.

/** The header tells whole seconds, and the answer takes a while: less than this is no difference. */
const UNSURE_MS = 2000;

let ahead = 0;

/** Takes in the `Date` of an answer that has just come. */
export function hearTime(date) {
  // In the middle of its second.
  const difference = Date.parse(date ?? '') + 500 - Date.now();
  if (Math.abs(difference - ahead) > UNSURE_MS) ahead = difference;
}

export function serverNow() {
  return Date.now() + ahead;
}
