// The flows that the server knows, read once and kept: titles are shown in many places.

import { get } from './api.js';
import { humanize } from './format.js';

let reading = null;
const titles = new Map();

/** All flows. `fresh` asks the server again. */
export function allFlows({ fresh = false } = {}) {
  if (!reading || fresh) {
    reading = get('/flows').then(({ items }) => {
      items.forEach((flow) => titles.set(flow.name, flow.title || humanize(flow.name)));
      return items;
    });
    reading.catch(() => { reading = null; });
  }
  return reading;
}

export function oneFlow(name) {
  return get(`/flows/${encodeURIComponent(name)}`);
}

/** A flow's title; its name in words while the flows are not known, or if it is not served here. */
export function titleOf(name) {
  return titles.get(name) ?? humanize(name);
}
