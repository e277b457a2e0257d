// <plot-lines>: values over time as an SVG: lines with their areas, an axis, and what is under the pointer in words.
//
//   plot.show({ from, to, lines: [{ name, look, points: [[time, value], …] }], format, least, isCount, isBridged })
//
// The same figures stand in a table for those who do not see them.

import { become, fill, h, setText, svg } from '../dom.js';
import { hourAndMinute } from '../format.js';
import { text } from '../text.js';

const WIDE = 600;
const HIGH = 150;
const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;
const ROWS_IN_TABLE = 12;

class PlotLines extends HTMLElement {
  #data = null;
  #shown = '';
  /** Where the pointer is, if it is here. */
  #pointed = null;

  connectedCallback() {
    if (this.drawing) return;
    this.classList.add('plot');
    this.drawing = svg('svg', { class: 'plot-drawing', viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.labels = h('div', { class: 'plot-labels', 'aria-hidden': 'true' });
    this.legend = h('p', { class: 'plot-legend', 'aria-hidden': 'true' });
    this.table = h('table', { class: 'unseen' });
    const around = h('div', { class: 'plot-around' }, this.drawing, this.labels);
    around.addEventListener('pointermove', (event) => this.#point(event));
    around.addEventListener('pointerleave', () => this.#point(null));
    fill(this, around, this.legend, this.table);
  }

  show(data) {
    this.connectedCallback();
    const shown = JSON.stringify(data);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#data = data;
    const most = niceTop(Math.max(0, ...data.lines.flatMap((line) => line.points.map(([, value]) => value ?? 0))), data.least ?? 1);
    this.#place = {
      x: (at) => LEFT + ((at - data.from) / Math.max(1, data.to - data.from)) * (WIDE - LEFT),
      y: (value) => HIGH - BOTTOM - (value / most) * (HIGH - BOTTOM - TOP),
    };
    this.marker = svg('line', { class: 'plot-marker', y1: TOP, y2: HIGH - BOTTOM, visibility: 'hidden' });
    fill(this.drawing, this.#grid(most), data.lines.map((line) => this.#line(line)), this.marker);
    this.#label(most);
    this.#point(this.#pointed);
    this.#tabulate();
  }

  #place = null;

  #grid(most) {
    return [0, 0.5, 1].map((share) => svg('line', { class: 'plot-grid', x1: LEFT, x2: WIDE, y1: this.#place.y(most * share), y2: this.#place.y(most * share) }));
  }

  /** In HTML, so that letters are not stretched with the drawing. */
  #label(most) {
    const { from, to, format } = this.#data;
    const at = (node, left, top) => {
      node.style.left = `${(left / WIDE) * 100}%`;
      node.style.top = `${(top / HIGH) * 100}%`;
      return node;
    };
    const isWhole = (value) => Number.isInteger(value) || !this.#data.isCount;
    const values = [0, 0.5, 1].filter((share) => isWhole(most * share)).map((share) => at(h('span', { class: 'plot-value' }, format(most * share)), LEFT - 6, this.#place.y(most * share)));
    const times = [0, 0.5, 1].map((share) => at(h('span', { class: `plot-time is-${share * 2}` }, hourAndMinute(from + (to - from) * share)), LEFT + (WIDE - LEFT) * share, HIGH - BOTTOM + 4));
    fill(this.labels, values, times);
  }

  #line({ look, points }) {
    const { x, y } = this.#place;
    return pieces(points, this.#data.isBridged).map((piece) => {
      if (piece.length === 1) return svg('path', { class: `plot-line is-dot is-${look}`, d: `M${x(piece[0][0]).toFixed(1)} ${y(piece[0][1]).toFixed(1)}h0.01` });
      const path = piece.map(([at, value], place) => `${place === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('');
      const area = `${path}L${x(piece[piece.length - 1][0]).toFixed(1)} ${y(0)}L${x(piece[0][0]).toFixed(1)} ${y(0)}Z`;
      return [svg('path', { class: `plot-area is-${look}`, d: area }), svg('path', { class: `plot-line is-${look}`, d: path })];
    });
  }

  #point(event) {
    this.#pointed = event && { clientX: event.clientX };
    if (!this.#data) return;
    const times = this.#data.lines[0]?.points.map(([at]) => at) ?? [];
    if (!event || times.length === 0) {
      this.#name(null);
      this.marker?.setAttribute('visibility', 'hidden');
      return;
    }
    const { left, width } = this.drawing.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * WIDE;
    const nearest = times.reduce((best, at, place) => (Math.abs(this.#place.x(at) - x) < Math.abs(this.#place.x(times[best]) - x) ? place : best), 0);
    const at = this.#place.x(times[nearest]);
    this.marker.setAttribute('x1', at);
    this.marker.setAttribute('x2', at);
    this.marker.setAttribute('visibility', 'visible');
    this.#name(nearest);
  }

  /** The legend, with the values at a place. */
  #name(place) {
    const { lines, format } = this.#data;
    while (this.legend.children.length > lines.length + 1) this.legend.lastChild.remove();
    while (this.legend.children.length < lines.length + 1) this.legend.append(h('span', {}));
    lines.forEach((line, at) => {
      const value = place === null ? null : line.points[place]?.[1];
      this.legend.children[at].className = `plot-name is-${line.look}`;
      setText(this.legend.children[at], value === null || value === undefined ? line.name : `${line.name} ${format(value)}`);
    });
    setText(this.legend.lastChild, place === null ? '' : hourAndMinute(lines[0].points[place][0]));
    this.legend.lastChild.className = 'plot-when';
  }

  #tabulate() {
    const { lines, format } = this.#data;
    const count = lines[0]?.points.length ?? 0;
    const every = Math.max(1, Math.ceil(count / ROWS_IN_TABLE));
    const rows = lines[0]?.points.map((_, at) => at).filter((at) => at % every === 0) ?? [];
    become(this.table, h('caption', {}, this.getAttribute('label')),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, text.overview.time), lines.map((line) => h('th', { scope: 'col' }, line.name)))),
      h('tbody', {}, rows.map((at) => h('tr', {}, h('td', {}, hourAndMinute(lines[0].points[at][0])),
        lines.map((line) => h('td', {}, line.points[at]?.[1] === null || line.points[at] === undefined ? '–' : format(line.points[at][1])))))));
  }
}

/** A line is broken where nothing is known, unless it is bridged. */
function pieces(points, isBridged = false) {
  const all = [[]];
  for (const point of points) {
    if (point[1] === null || point[1] === undefined) isBridged || all.push([]);
    else all[all.length - 1].push(point);
  }
  return all.filter((piece) => piece.length > 0);
}

/** 1, 2 or 5 times a power of ten. */
function niceTop(most, least) {
  const wanted = Math.max(most, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= wanted) ?? wanted;
}

customElements.define('plot-lines', PlotLines);
