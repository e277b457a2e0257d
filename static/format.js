// Times, durations, numbers and names as people read them, in the language of the page.

import { serverNow } from './clock.js';
import { language, text } from './text.js';

const numbers = new Intl.NumberFormat(language);
const compacts = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
const decimals = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
const clocks = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minutes = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** `400 ms`, `4.2 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d`. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${decimals.format(Math.floor(seconds * 10) / 10)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds / 60);
  if (whole < 60) return two(whole, 'min', Math.floor(seconds % 60), 's');
  const hours = Math.floor(whole / 60);
  if (hours < 24) return two(hours, 'h', whole % 60, 'min');
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** A duration of whole seconds: tenths that flicker tell nothing. */
export function wholeSeconds(ms) {
  const seconds = Math.max(1, Math.floor(ms / 1000));
  return seconds < 10 ? `${seconds} s` : duration(seconds * 1000);
}

/** A large and a small unit; the small one only if there is any of it. */
function two(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${String(small).padStart(2, '0')} ${smallUnit}`;
}

/** How long ago a moment was. */
export function ago(moment, now = serverNow()) {
  const seconds = Math.floor((now - new Date(moment).getTime()) / 1000);
  if (seconds < 5) return text.time.now;
  if (seconds < 60) return text.time.seconds(seconds);
  if (seconds < 3600) return text.time.minutes(Math.floor(seconds / 60));
  if (seconds < 86_400) return text.time.hours(Math.floor(seconds / 3600));
  return text.time.days(Math.floor(seconds / 86_400));
}

/** A moment with date and seconds, in the reader's own time. */
export function moment(value) {
  return moments.format(new Date(value));
}

/** The time of day to the millisecond. */
export function clock(value) {
  return `${clocks.format(value)}.${String(new Date(value).getMilliseconds()).padStart(3, '0')}`;
}

/** The time of day to the minute. */
export function hourAndMinute(value) {
  return minutes.format(new Date(value));
}

export function number(value) {
  return numbers.format(value);
}

/** `1.2K` */
export function compact(value) {
  return compacts.format(value);
}

/** `0.97` → `97 %`. Only what is whole is 100 %. */
export function percent(share) {
  return percents.format(share < 1 ? Math.min(share, 0.999) : 1);
}

/** What models cost, in the currency of the price table. Small sums keep their digits. */
export function money(value) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: value < 0.1 ? 5 : 2 }).format(value);
}

/** `1.4 MiB` */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const amount = value / 1024 ** at;
  return `${at === 0 || amount >= 100 ? Math.round(amount) : decimals.format(amount)} ${units[at]}`;
}

/** `rest_seconds` → `Rest seconds`. */
export function humanize(name) {
  const words = name.replace(/_flow$/, '').replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ').trim();
  return words ? words[0].toUpperCase() + words.slice(1) : name;
}

/** The end of an id: its random part, which is what tells two tasks apart. */
export function shortId(id) {
  return id.slice(-6);
}

/** A step's name out of its key, `scope/name/occurrence`, for when only the key is known. */
export function stepName(key) {
  const parts = key.split('/');
  return parts.length > 1 ? parts[parts.length - 2] : key;
}

export function isEnded(state) {
  return state === 'SUCCESS' || state === 'FAILURE' || state === 'CANCELLED';
}
