// What can be done with many tasks at once: with those that are chosen, or with all that match the filters.

import { newKey, post } from '../api.js';
import { announce, fill, h } from '../dom.js';
import { isEnded } from '../format.js';
import { refusalOf, text } from '../text.js';
import { confirmButton } from './confirm-button.js';
import { problemWords } from './problem-note.js';
import { filterObject } from './task-filters.js';

/** As many as the server takes at once. */
const MOST_IDS = 1000;

/** `chosen()` answers the ids, `filter()` the filters' values, `matches()` how many are listed in words; `done()` is called when something was done. */
export function bulkBar({ chosen, filter, matches, done }) {
  const count = h('span', { class: 'bulk-count', role: 'status' });
  const place = h('div', { class: 'buttons' });
  const said = h('span', { class: 'quiet', role: 'status' });
  const node = h('div', { class: 'bulk' }, count, place, said);
  let shown = null;
  /** What was asked for and not answered: asked for again, it is the same, and retries nothing twice. */
  let lost = null;

  const act = (action, what) => async (button) => {
    button.disabled = true;
    fill(said, text.bulk.working);
    try {
      const { of, ...asked } = what();
      const wanted = JSON.stringify([action, of]);
      if (lost?.wanted !== wanted) lost = { wanted, key: newKey(), asked };
      fill(said, summary(await run(action, lost)));
      lost = null;
      done();
    } catch (error) {
      fill(said, problemWords(error));
    }
    announce(said.textContent);
    button.disabled = false;
  };

  /** `items` are those that are chosen. */
  const draw = (items) => {
    const [running, ended] = [items.some((item) => !isEnded(item.state)), items.some((item) => item.state === 'FAILURE' || item.state === 'CANCELLED')];
    const state = filter().state;
    const key = JSON.stringify([items.length, running, ended, state, matches()]);
    if (key === shown) return;
    shown = key;
    // `of` is what was chosen; of times like "the last hour" each moment makes another filter.
    const ids = () => ({ of: chosen(), ids: chosen() });
    const all = () => ({ of: filter(), filter: filterObject(filter()) });
    fill(count, items.length > 0 ? text.bulk.chosen(items.length) : matches());
    count.classList.toggle('quiet', items.length === 0);
    const isFailures = state !== '' && state.split(',').every((one) => one === 'FAILURE' || one === 'CANCELLED');
    const isOpen = state !== '' && state.split(',').every((one) => !isEnded(one));
    fill(place,
      running ? confirmButton(text.bulk.cancel, text.task.confirmCancel, act('cancel', ids)) : null,
      ended ? confirmButton(text.bulk.retry, text.bulk.confirmRetry, act('retry', ids)) : null,
      items.length === 0 && isOpen ? confirmButton(text.bulk.cancelAll, text.task.confirmCancel, act('cancel', all)) : null,
      items.length === 0 && isFailures ? confirmButton(text.bulk.retryAll, text.bulk.confirmRetry, act('retry', all)) : null);
    place.querySelectorAll('.button').forEach((button) => button.classList.add('is-small'));
  };
  return { node, draw };
}

/** Part by part; of what a filter finds the server says where it stopped. */
async function run(action, { key, asked: { ids, filter } }) {
  const answers = [];
  let cursor = null;
  for (let part = 0; part < 100; part += 1) {
    const some = ids?.slice(part * MOST_IDS, (part + 1) * MOST_IDS);
    const body = ids ? { action, ids: some } : { action, filter: cursor ? { ...filter, cursor } : filter };
    const { items, next } = await post('/tasks/bulk', body, { 'Idempotency-Key': `${key}-${part}` });
    answers.push(...items);
    cursor = next;
    if (ids ? (part + 1) * MOST_IDS >= ids.length : !next) break;
  }
  return answers;
}

function summary(answers) {
  const failed = answers.filter((answer) => answer.ok === false);
  const done = text.bulk.done(answers.length - failed.length);
  return failed.length > 0 ? `${done} ${text.bulk.refused(failed.length, refusalOf(failed[0].error?.code) ?? failed[0].error?.detail ?? '')}` : done;
}
