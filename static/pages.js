// Lists that are longer than the server tells at once: as much as is shown is read page by page.

import { get } from './api.js';

/** As many as the server tells at once. */
const MOST = 200;

/** Reads the first `limit` of what a query finds: `{ items, next, partial }`, as one page of that length would be. */
export async function readPages(path, query, limit) {
  const items = [];
  let [next, partial] = [null, false];
  do {
    const asked = new URLSearchParams(query);
    asked.set('limit', String(Math.min(limit - items.length, MOST)));
    if (next) asked.set('cursor', next);
    const page = await get(`${path}?${asked}`);
    items.push(...page.items);
    next = page.next;
    partial ||= page.partial === true;
  } while (next && items.length < limit);
  return { items, next, partial };
}

/** How many are shown when somebody wants more: first twice as many, then a page more. */
export function moreThan(limit) {
  return limit + Math.min(limit, MOST);
}
