// How the whole is: what came and ended over time, how long it took, the line, the workers, the store.

import { get } from '../api.js';
import { become, fill, h } from '../dom.js';
import '../elements/plot-lines.js';
import { problemNote } from '../elements/problem-note.js';
import { flowTable, storeFacts, tiles, workerList } from '../elements/overview-parts.js';
import { duration, number } from '../format.js';
import { keepFresh } from '../live/fresh.js';
import { setParameters } from '../route.js';
import { text } from '../text.js';

/** The time that is seen when there is less to show: ten minutes, a day. */
const SPANS = { rates: 600_000, history: 86_400_000 };

export function overviewView(place, { parameters }) {
  const overview = new Overview(place, parameters.get('span') === 'day' ? 'history' : 'rates');
  return { title: text.overview.heading, leave: keepFresh(() => overview.read()) };
}

class Overview {
  constructor(place, span) {
    this.span = span;
    this.tiles = h('div', { class: 'tiles' });
    this.plots = { flow: plot(text.overview.flow), took: plot(text.overview.took), line: plot(text.overview.line), age: plot(text.overview.age) };
    this.flows = h('div', {});
    this.workers = h('div', {});
    this.store = h('div', {});
    this.problem = h('div', { hidden: true });
    const section = (heading, body) => h('section', { class: 'panel' }, h('h2', {}, heading), body);
    fill(place,
      h('div', { class: 'page-head is-split' }, h('h1', { tabindex: '-1' }, text.overview.heading), this.#spans()),
      this.problem, this.tiles,
      h('div', { class: 'plots' }, section(text.overview.flow, this.plots.flow), section(text.overview.took, this.plots.took),
        section(text.overview.line, this.plots.line), section(text.overview.age, this.plots.age)),
      h('div', { class: 'columns' },
        h('div', { class: 'task-main' }, section(text.overview.workers, this.workers), section(text.overview.flows, this.flows)),
        h('div', { class: 'side' }, section(text.overview.store, this.store))));
  }

  #spans() {
    const choose = (span, name, label) => {
      const input = h('input', { type: 'radio', name: 'span', class: 'unseen', value: span });
      input.checked = this.span === span;
      input.addEventListener('change', () => {
        this.span = span;
        setParameters({ span: name });
        if (this.stats) this.#draw(this.stats);
      });
      return h('label', { class: 'segment' }, input, h('span', {}, label));
    };
    return h('fieldset', { class: 'segments' }, h('legend', { class: 'unseen' }, text.overview.span),
      choose('rates', '', text.overview.minutes), choose('history', 'day', text.overview.day));
  }

  async read() {
    try {
      const [stats, workers, ready] = await Promise.all([get('/stats'), get('/workers'), readiness()]);
      this.stats = stats;
      this.problem.hidden = true;
      become(this.workers, workerList(workers.items));
      become(this.store, storeFacts(stats, ready));
      become(this.flows, flowTable(stats));
      become(this.tiles, tiles(stats));
      this.#draw(stats);
    } catch (error) {
      fill(this.problem, problemNote(error));
      this.problem.hidden = error.isNetwork;
    }
    // Figures go on while nothing happens.
    return true;
  }

  #draw(stats) {
    const series = stats[this.span] ?? stats.rates;
    const to = new Date(stats.at).getTime();
    const from = to - SPANS[this.span];
    const step = series.bucket_seconds * 1000;
    const points = filled(series.points, from, to, step);
    const line = (name, look, field) => ({ name, look, points: points.map((point) => [point.time, point[field] ?? null]) });
    const counts = { from, to, format: number, isCount: true };
    this.plots.flow.show({ ...counts, lines: [line(text.overview.created, 'accent', 'created'), line(text.overview.succeeded, 'good', 'succeeded'), line(text.overview.failed, 'bad', 'failed')] });
    this.plots.took.show({ from, to, format: duration, least: 100, isBridged: true, lines: [line('p95', 'care', 'p95_ms'), line('p50', 'accent', 'p50_ms')] });
    this.plots.line.show({ ...counts, lines: [goneOn(line(text.overview.due, 'accent', 'due'))] });
    this.plots.age.show({ from, to, format: duration, least: 1000, lines: [goneOn(line(text.overview.oldest, 'care', 'oldest_due_age_ms'))] });
  }
}

function plot(label) {
  return h('plot-lines', { label });
}

/** An empty line is looked at again when something comes: until then it was empty. */
function goneOn({ points, ...line }) {
  let last = null;
  return { ...line, points: points.map(([time, value]) => {
    if (value !== null) last = value;
    return [time, value ?? (last === 0 ? 0 : null)];
  }) };
}

/** The server leaves out the times before it knew anything, and after the last that happened: nothing came then. */
function filled(points, from, to, step) {
  const known = new Map(points.map((point) => [new Date(point.at).getTime(), point]));
  const all = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    all.push({ created: 0, succeeded: 0, failed: 0, ...known.get(time), time });
  }
  return all;
}

/** What says that it is not ready is no error here: it is what is shown. */
async function readiness() {
  try {
    return await get('/readyz');
  } catch (error) {
    return { ready: false, detail: error.message };
  }
}
