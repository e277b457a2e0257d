// <step-timeline>: the steps of a task as a waterfall: each attempt a bar, waits and pauses between attempts as such. One
// can zoom and move in it, and choose a step to see all of it. Only the rows that are seen are made.
//
// Keys: up and down choose, plus and minus zoom, left and right move, 0 shows all.

import { serverNow } from '../clock.js';
import { fill, h, newId, setText } from '../dom.js';
import { duration } from '../format.js';
import { text } from '../text.js';
import { stepRow } from './step-row.js';
import { timelineMap } from './timeline-map.js';
import { TimeWindow } from './time-window.js';
import { VirtualRows } from './virtual-rows.js';

const ROW = 30;
const TICK_MS = 500;
const SHOWN_ROWS = 12;
const LONG_ROWS = 24;
/** As many as are as high as a step in full beside them. */
const ROWS_BESIDE = 16;
const isWide = matchMedia('(min-width: 940px)');
/** More rows than this and one wants to see the whole, too. */
const MAPPED_ROWS = 30;
const MAP_MS = 500;
const ZOOM = 1.5;
const PIXELS_PER_TICK = 110;

class StepTimeline extends HTMLElement {
  #log = null;
  #steps = [];
  #chosen = null;
  #time = new TimeWindow();
  #timer = null;
  #isLong = false;
  #mapped = 0;
  /** Whether more may come: then who is at the end stays there. */
  isLive = false;
  #update = () => this.#draw();

  connectedCallback() {
    if (!this.scroller) this.#lay();
    this.#timer = setInterval(() => this.#log?.end === null && this.#draw(), TICK_MS);
    this.#log?.addEventListener('change', this.#update);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#log?.removeEventListener('change', this.#update);
  }

  set log(log) {
    this.#log?.removeEventListener('change', this.#update);
    this.#log = log;
    log.addEventListener('change', this.#update);
    this.#draw();
  }

  /** What the keys steer. */
  focus() {
    this.scroller.focus({ preventScroll: true });
  }

  /** The key of the step that is chosen, or null. */
  get chosen() {
    return this.#chosen;
  }

  set chosen(key) {
    if (key === this.#chosen) return;
    this.#chosen = key;
    this.#draw();
  }

  #lay() {
    this.classList.add('timeline');
    const tool = (label, sign, act) => h('button', { type: 'button', class: 'button is-icon is-small', 'aria-label': label, title: label, onclick: act }, sign);
    this.fitter = tool(text.timeline.fit, '↔', () => this.#zoomed(() => this.#time.fit()));
    this.count = h('span', { class: 'timeline-count' });
    this.taken = h('span', { class: 'chip is-warning', title: text.timeline.takeover, hidden: true });
    this.failed = h('button', { type: 'button', class: 'button is-small is-danger timeline-failed', title: text.timeline.nextFailed, hidden: true, onclick: () => this.#chooseFailed() });
    this.longer = h('button', { type: 'button', class: 'button is-quiet is-small', 'aria-expanded': 'false', hidden: true, onclick: () => this.#lengthen() });
    this.axis = h('div', { class: 'timeline-axis', 'aria-hidden': 'true' });
    this.map = timelineMap((at) => this.rows.scrollTo(at, { center: true }));
    this.scroller = h('div', {
      class: 'timeline-rows', role: 'listbox', tabindex: '0', 'aria-label': text.task.steps, onkeydown: (event) => this.#key(event),
    });
    this.note = h('p', { class: 'quiet timeline-note' }, text.task.noSteps);
    fill(this,
      h('div', { class: 'timeline-head' },
        h('h2', {}, text.task.steps), this.count, this.failed, this.taken, this.longer,
        h('div', { class: 'timeline-tools', role: 'group', 'aria-label': text.timeline.zoom },
          tool(text.timeline.out, '−', () => this.#zoomed(() => this.#time.zoom(ZOOM))),
          tool(text.timeline.in, '+', () => this.#zoomed(() => this.#time.zoom(1 / ZOOM))), this.fitter)),
      this.note,
      this.map.node,
      h('div', { class: 'timeline-body' }, this.axis, this.scroller));
    this.rows = new VirtualRows(this.scroller, { height: ROW, make: () => this.#makeRow(), draw: (row, at) => this.#drawRow(row, at) });
    this.scroller.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.scroller.addEventListener('scroll', () => this.#frameMap(), { passive: true });
    this.scroller.addEventListener('pointerdown', (event) => this.#drag(event));
    this.axis.addEventListener('pointerdown', (event) => this.#drag(event));
  }

  #makeRow() {
    const row = stepRow(newId('step'));
    row.node.addEventListener('click', () => this.#choose(row.key));
    return row;
  }

  #drawRow(row, at) {
    const step = this.#steps[at];
    const now = this.#log.end ?? serverNow();
    row.show(step, { time: this.#time, now, at, count: this.#steps.length, isChosen: step.key === this.#chosen });
    if (step.key === this.#chosen) this.scroller.setAttribute('aria-activedescendant', row.node.id);
  }

  #draw() {
    if (!this.#log || !this.rows) return;
    const { steps, start, end } = this.#log;
    this.#steps = [...steps.values()].filter((step) => step.spans.length > 0);
    const count = this.#steps.length;
    this.note.hidden = count > 0;
    this.classList.toggle('is-empty', count === 0);
    setText(this.note, end ? text.task.noStepsEver : text.task.noSteps);
    this.taken.hidden = this.#log.takeovers.length === 0;
    setText(this.taken, text.timeline.takeovers(this.#log.takeovers.length));
    setText(this.count, count > 0 ? text.timeline.count(count) : '');
    const failed = this.#steps.filter((step) => step.state === 'failed').length;
    this.failed.hidden = failed === 0 || count < 2;
    setText(this.failed, text.timeline.failed(failed));
    this.#time.setWhole(start, end ?? Math.max(serverNow(), start + 1000));
    this.fitter.disabled = !this.#time.isZoomed;
    this.longer.hidden = count <= SHOWN_ROWS;
    setText(this.longer, this.#isLong ? text.timeline.shorter : text.timeline.longer);
    const most = this.#isLong ? LONG_ROWS : this.#chosen && isWide.matches ? ROWS_BESIDE : SHOWN_ROWS;
    const shown = Math.min(count, most);
    this.scroller.style.height = `${shown * ROW}px`;
    this.style.setProperty('--rows', `${shown * ROW}px`);
    this.#drawAxis();
    this.rows.show(count, { sticks: this.isLive });
    this.#drawMap();
    if (!this.#steps.some((step) => step.key === this.#chosen)) this.scroller.removeAttribute('aria-activedescendant');
  }

  #drawMap() {
    const { start, end } = this.#log;
    this.map.node.hidden = this.#steps.length <= MAPPED_ROWS;
    const now = serverNow();
    const isDue = end !== null ? this.#mapped !== this.#log.seq : now - this.#mapped >= MAP_MS;
    if (this.map.node.hidden || !isDue) return;
    this.#mapped = end !== null ? this.#log.seq : now;
    this.map.draw(this.#steps, { from: start, to: end ?? now, now: end ?? now });
    this.#frameMap();
  }

  #frameMap() {
    if (this.map.node.hidden) return;
    const first = this.scroller.scrollTop / ROW;
    this.map.show(first, Math.min(this.#steps.length, first + this.scroller.clientHeight / ROW));
  }

  #drawAxis() {
    const most = Math.max(2, Math.floor(this.axis.clientWidth / PIXELS_PER_TICK) - 1);
    const ticks = this.#time.ticks(most).filter(({ place }) => place <= 0.97);
    const { takeovers } = this.#log;
    const key = `${ticks.map(({ at, place }) => `${at} ${place.toFixed(3)}`).join()} ${takeovers.map((at) => this.#time.place(at).toFixed(3)).join()}`;
    if (key === this.shownAxis) return;
    this.shownAxis = key;
    const bars = h('div', { class: 'timeline-ticks' }, ticks.map(({ at, place }) => {
      const tick = h('span', { class: 'timeline-tick' }, at === 0 ? '0' : duration(at).replace(/[.,]0/, ''));
      tick.style.left = `${place * 100}%`;
      return tick;
    }), this.#takeovers());
    fill(this.axis, bars);
  }

  /** Where another worker took over. */
  #takeovers() {
    return this.#log.takeovers.map((at) => this.#time.place(at)).filter((place) => place >= 0 && place <= 1).map((place) => {
      const mark = h('span', { class: 'timeline-takeover', title: text.timeline.takeover });
      mark.style.left = `${place * 100}%`;
      return mark;
    });
  }

  #choose(key) {
    this.#chosen = this.#chosen === key ? null : key;
    this.#draw();
    this.dispatchEvent(new CustomEvent('step-chosen', { detail: this.#chosen, bubbles: true }));
  }

  /** The next one that failed after the chosen one, from the first again behind the last. */
  #chooseFailed() {
    const at = this.#steps.findIndex((step) => step.key === this.#chosen);
    const isFailed = (step) => step.state === 'failed';
    const after = this.#steps.findIndex((step, index) => index > at && isFailed(step));
    const next = after >= 0 ? after : this.#steps.findIndex(isFailed);
    if (next < 0 || next === at) return;
    this.rows.scrollTo(next, { center: true });
    this.#choose(this.#steps[next].key);
  }

  #key(event) {
    const at = this.#steps.findIndex((step) => step.key === this.#chosen);
    const go = (to) => {
      const next = Math.min(Math.max(to, 0), this.#steps.length - 1);
      if (next < 0) return;
      this.rows.scrollTo(next);
      if (this.#steps[next].key !== this.#chosen) this.#choose(this.#steps[next].key);
    };
    const acts = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at < 0 ? this.#steps.length - 1 : at - 1),
      PageDown: () => go(at + SHOWN_ROWS),
      PageUp: () => go(at - SHOWN_ROWS),
      Home: () => go(0),
      End: () => go(this.#steps.length - 1),
      ArrowLeft: () => this.#zoomed(() => this.#time.move(-0.2)),
      ArrowRight: () => this.#zoomed(() => this.#time.move(0.2)),
      '+': () => this.#zoomed(() => this.#time.zoom(1 / ZOOM)),
      '-': () => this.#zoomed(() => this.#time.zoom(ZOOM)),
      0: () => this.#zoomed(() => this.#time.fit()),
      Escape: () => this.#chosen && this.#choose(this.#chosen),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  #zoomed(act) {
    act();
    this.#draw();
  }

  /** Where the pointer is between the left and the right end of the bars. */
  #placeOf(event) {
    const { left, width } = this.axis.firstElementChild?.getBoundingClientRect() ?? { left: 0, width: 1 };
    return Math.min(1, Math.max(0, (event.clientX - left) / Math.max(width, 1)));
  }

  #wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.#zoomed(() => this.#time.zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, this.#placeOf(event)));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      if (!this.#time.isZoomed) return;
      event.preventDefault();
      this.#zoomed(() => this.#time.move((event.deltaX || event.deltaY) / 600));
    }
  }

  /** What is zoomed can be moved by hand. */
  #drag(event) {
    if (!this.#time.isZoomed || event.button !== 0) return;
    const width = this.axis.firstElementChild?.clientWidth || 1;
    let last = event.clientX;
    const move = (moved) => {
      if (Math.abs(moved.clientX - last) < 2) return;
      this.#zoomed(() => this.#time.move((last - moved.clientX) / width));
      last = moved.clientX;
    };
    const over = new AbortController();
    addEventListener('pointermove', move, { signal: over.signal });
    for (const kind of ['pointerup', 'pointercancel']) addEventListener(kind, () => over.abort(), { signal: over.signal });
  }

  #lengthen() {
    this.#isLong = !this.#isLong;
    this.longer.setAttribute('aria-expanded', String(this.#isLong));
    this.#draw();
  }
}

customElements.define('step-timeline', StepTimeline);
