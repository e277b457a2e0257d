// The flows that the server knows, read once and kept: titles are shown in many places.

import { get } from './api.js';
import { humanize } from './format.js';

let reading = null;
let isReading = false;
const titles = new Map();

/** All flows, without their schemas. `fresh` asks the server again, unless it is being asked. */
export function allFlows({ fresh = false } = {}) {
  if (!reading || (fresh && !isReading)) {
    isReading = true;
    reading = get('/flows?schemas=false').then(({ items }) => {
      items.forEach((flow) => titles.set(flow.name, flow.title || humanize(flow.name)));
      return items;
    });
    const done = (isKept) => () => {
      isReading = false;
      if (!isKept) reading = null;
    };
    reading.then(done(true), done(false));
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
