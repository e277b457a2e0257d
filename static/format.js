// Times, durations and names as people read them.

import { text } from './text.js';

/** `400 ms`, `4.2 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d`. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, 'min', Math.floor(seconds % 60), 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(hours, 'h', minutes % 60, 'min');
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** A large and a small unit; the small one only if there is any of it. */
function two(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${String(small).padStart(2, '0')} ${smallUnit}`;
}

/** How long ago a moment was. */
export function ago(moment, now = Date.now()) {
  const seconds = Math.floor((now - new Date(moment).getTime()) / 1000);
  if (seconds < 5) return text.time.now;
  if (seconds < 60) return text.time.seconds(seconds);
  if (seconds < 3600) return text.time.minutes(Math.floor(seconds / 60));
  if (seconds < 86_400) return text.time.hours(Math.floor(seconds / 3600));
  return text.time.days(Math.floor(seconds / 86_400));
}

/** A moment with date and seconds, in the reader's own time. */
export function moment(value) {
  return new Date(value).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
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
