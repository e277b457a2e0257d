// <step-list>: the steps of a task and what it waited for, as a small waterfall drawn from its log.

import { fill, h, setText } from '../dom.js';
import { duration } from '../format.js';
import { followLog } from '../live.js';
import { Timeline } from '../timeline.js';
import { text } from '../text.js';

const TICK_MS = 500;

class StepList extends HTMLElement {
  #rows = new Map();
  #timeline = new Timeline();
  #stop = null;
  #tick = null;
  #frame = 0;

  connectedCallback() {
    this.list = h('ol', { class: 'steps', tabindex: '0', 'aria-label': text.task.steps });
    this.note = h('p', { class: 'activity-note' }, text.task.noSteps);
    fill(this, this.note, this.list);
  }

  disconnectedCallback() {
    this.#stop?.();
    clearInterval(this.#tick);
    cancelAnimationFrame(this.#frame);
  }

  follow(id) {
    this.#stop?.();
    this.#stop = followLog(id, (event) => {
      this.#timeline.apply(event);
      this.#later();
    });
    this.#tick = setInterval(() => this.#timeline.end || this.#later(), TICK_MS);
  }

  /** A log of thousands of events is drawn once per frame, not once per event. */
  #later() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { steps, start } = this.#timeline;
    this.note.hidden = steps.size > 0;
    // Who looks at the newest step goes on to do so; who scrolled back is left alone.
    const sticks = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    const now = this.#timeline.end ?? Date.now();
    const whole = Math.max(now - start, 1);
    for (const [key, step] of steps) {
      let row = this.#rows.get(key);
      if (!row) {
        row = makeRow();
        this.#rows.set(key, row);
        this.list.append(row.node);
      }
      drawRow(row, step, { start, whole, now });
    }
    for (const [key, row] of this.#rows) {
      if (steps.has(key)) continue;
      row.node.remove();
      this.#rows.delete(key);
    }
    if (sticks && !this.#timeline.end) this.list.scrollTop = this.list.scrollHeight;
  }
}

function makeRow() {
  const mark = h('span', { class: 'step-mark', role: 'img' });
  const name = h('span', { class: 'step-name' });
  const attempts = h('span', { class: 'step-attempts' });
  const took = h('span', { class: 'step-took' });
  const track = h('div', { class: 'step-track', 'aria-hidden': 'true' });
  const error = h('p', { class: 'step-error', hidden: true });
  const node = h('li', { class: 'step' }, h('div', { class: 'step-head' }, mark, name, attempts, took), track, error);
  return { node, mark, name, attempts, took, track, error, bars: [] };
}

function drawRow(row, step, { start, whole, now }) {
  row.node.className = `step is-${step.state}`;
  row.mark.setAttribute('aria-label', text.step[step.state]);
  setText(row.name, step.name);
  setText(row.attempts, step.attempts > 1 ? text.step.attempts(step.attempts) : '');
  const first = step.spans[0];
  const last = step.spans[step.spans.length - 1];
  setText(row.took, duration((last.to ?? now) - first.from));
  setText(row.error, step.state === 'failed' || step.state === 'retrying' ? step.error ?? '' : '');
  row.error.hidden = row.error.textContent === '';
  while (row.bars.length < step.spans.length) {
    row.bars.push(h('span', {}));
    row.track.append(row.bars[row.bars.length - 1]);
  }
  step.spans.forEach((span, at) => {
    const bar = row.bars[at];
    const to = Math.min(span.to ?? now, now);
    bar.className = `step-bar is-${span.state}`;
    bar.style.left = `${((span.from - start) / whole) * 100}%`;
    bar.style.width = `${(Math.max(to - span.from, 0) / whole) * 100}%`;
  });
}

customElements.define('step-list', StepList);
