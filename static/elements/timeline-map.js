// The whole of a long waterfall at a glance: each step a thin line, and a frame around those that are seen below. A click
// goes there.

import { h, svg } from '../dom.js';

const HIGH = 56;
const WIDE = 1000;
const LOOKS = ['good', 'bad', 'care', 'still'];

/** `go(index)` is called with the step that was pointed at. */
export function timelineMap(go) {
  const paths = Object.fromEntries(LOOKS.map((look) => [look, svg('path', { class: `map-line is-${look}` })]));
  const drawing = svg('svg', { class: 'map-drawing', viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none' }, Object.values(paths));
  const frame = h('div', { class: 'map-frame' });
  const node = h('div', { class: 'timeline-map', 'aria-hidden': 'true', hidden: true }, drawing, frame);
  let count = 1;
  const point = (event) => {
    const { top, height } = node.getBoundingClientRect();
    go(Math.floor(Math.min(0.999, Math.max(0, (event.clientY - top) / height)) * count));
  };
  node.addEventListener('pointerdown', (event) => {
    node.setPointerCapture(event.pointerId);
    point(event);
  });
  node.addEventListener('pointermove', (event) => node.hasPointerCapture(event.pointerId) && point(event));

  /** All in few paths, however many steps there are. */
  const draw = (steps, { from, to, now }) => {
    count = Math.max(1, steps.length);
    const parts = Object.fromEntries(LOOKS.map((look) => [look, []]));
    const x = (at) => (((at - from) / Math.max(1, to - from)) * WIDE).toFixed(1);
    steps.forEach((step, index) => {
      const y = (((index + 0.5) / count) * HIGH).toFixed(2);
      for (const span of step.spans) parts[lookOf(span.state)].push(`M${x(span.from)} ${y}H${Math.max(x(span.to ?? now), Number(x(span.from)) + 1.5)}`);
    });
    for (const look of LOOKS) paths[look].setAttribute('d', parts[look].join(''));
    const thick = Math.max(1, Math.min(4, (HIGH / count) * 0.8));
    drawing.style.strokeWidth = `${thick}px`;
  };
  const show = (first, last) => {
    frame.style.top = `${(first / count) * 100}%`;
    frame.style.height = `${Math.max(2, ((last - first) / count) * 100)}%`;
  };
  return { node, draw, show };
}

function lookOf(state) {
  if (state === 'failed') return 'bad';
  if (state === 'waiting' || state === 'waited') return 'care';
  return state === 'cancelled' ? 'still' : 'good';
}
