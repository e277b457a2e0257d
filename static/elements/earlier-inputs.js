// What a flow was started with the last times, to be taken again: read from the server, so that it is there in any browser.

import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { ago } from '../format.js';
import { text } from '../text.js';

const LOOKED_AT = 8;
const OFFERED = 5;
const LONGEST = 60;

/** `take(value, words)` is called with what was chosen. Empty until there is anything to choose. */
export function earlierInputs(flow, take) {
  const place = h('div', { class: 'earlier', hidden: true });
  read(flow).then((found) => {
    if (found.length === 0) return;
    const choose = h('select', { class: 'input is-small', 'aria-label': text.flow.earlier },
      h('option', { value: '' }, text.flow.earlier),
      found.map((one, at) => h('option', { value: String(at) }, `${ago(one.at)} · ${one.words}`)));
    choose.addEventListener('change', () => {
      const chosen = found[Number(choose.value)];
      if (choose.value !== '' && chosen) take(chosen.input, text.flow.refilledFrom(ago(chosen.at)));
      choose.value = '';
    });
    fill(place, choose);
    place.hidden = false;
  }, () => {});
  return place;
}

/** The newest that differ. */
async function read(flow) {
  const hasInputs = Object.keys(flow.input_schema?.properties ?? {}).length > 0;
  if (!hasInputs) return [];
  const { items } = await get(`/tasks?flow=${encodeURIComponent(flow.name)}&limit=${LOOKED_AT}`);
  const tasks = await Promise.all(items.map((item) => get(`/tasks/${encodeURIComponent(item.task_id)}`)));
  const found = new Map();
  for (const task of tasks) {
    const json = JSON.stringify(task.input);
    if (task.input && json !== '{}' && !found.has(json)) found.set(json, { input: task.input, at: task.created_at, words: inWords(task.input) });
  }
  return [...found.values()].slice(0, OFFERED);
}

function inWords(input) {
  const words = Object.entries(input).filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ');
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}
