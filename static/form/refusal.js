// The sentences of the server's validator as a person would say them, in the page's language. Others stay as they are.

import { text } from '../text.js';

const RULES = [
  [/^(.+) is greater than or equal to the maximum of (.+)$/s, ([, , most]) => text.refusal.lessThan(most)],
  [/^(.+) is less than or equal to the minimum of (.+)$/s, ([, , least]) => text.refusal.moreThan(least)],
  [/^Additional properties are not allowed \((.+) (?:was|were) unexpected\)$/s, ([, names]) => text.refusal.unknownNames(names)],
  [/ is not valid under any of the schemas listed in the '(?:any|one)Of' keyword$/, () => text.refusal.noForm],
  [/^(.+) is greater than the maximum of (.+)$/s, ([, , most]) => text.refusal.atMost(most)],
  [/^(.+) is less than the minimum of (.+)$/s, ([, , least]) => text.refusal.atLeast(least)],
  [/^(.+) is longer than (\d+) characters?$/s, ([, , most]) => text.refusal.longest(Number(most))],
  [/^(.+) is shorter than (\d+) characters?$/s, ([, , least]) => text.refusal.shortest(Number(least))],
  [/^(.+) has more than (\d+) items?$/s, ([, , most]) => text.refusal.mostItems(Number(most))],
  [/^(.+) has less than (\d+) items?$/s, ([, , least]) => text.refusal.leastItems(Number(least))],
  [/^(.+) is not of types? (.+)$/s, () => text.refusal.otherType],
  [/^(.+) is not one of (.+)$/s, () => text.refusal.noChoice],
  [/^(.+) does not match "(.+)"$/s, ([, , pattern]) => text.refusal.pattern(pattern)],
  [/^(.+) is not a "(.+)"$/s, ([, , format]) => text.refusal.format(format)],
];

export function inWords(message) {
  for (const [pattern, say] of RULES) {
    const found = pattern.exec(message);
    if (found) return say(found);
  }
  return message;
}
