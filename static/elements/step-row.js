// One row of the timeline: a mark, the name, how long it took, and its bars.

import { h, setText } from '../dom.js';
import { duration } from '../format.js';
import { titleOf } from '../flows.js';
import { text } from '../text.js';

/** Bars that are narrower than this part of the window are still seen. */
const NARROWEST = 0.002;

export function stepRow(id) {
  const mark = h('span', { class: 'row-mark', 'aria-hidden': 'true' });
  const name = h('span', { class: 'row-name' });
  const scope = h('span', { class: 'row-scope' });
  const state = h('span', { class: 'unseen' });
  const took = h('span', { class: 'row-took' });
  const track = h('span', { class: 'row-track', 'aria-hidden': 'true' });
  const node = h('div', { class: 'row-line', role: 'option', id }, h('span', { class: 'row-label' }, mark, name, scope, state, took), track);
  const row = { node, key: null, bars: [] };
  row.show = (step, { time, now, at, count, isChosen }) => {
    row.key = step.key;
    node.className = `row-line virtual-row is-${step.state} is-kind-${step.kind}`;
    node.setAttribute('aria-selected', String(isChosen));
    node.setAttribute('aria-posinset', String(at + 1));
    node.setAttribute('aria-setsize', String(count));
    setText(name, labelOf(step));
    setText(scope, step.scope);
    name.title = step.scope ? `${step.scope} / ${labelOf(step)}` : labelOf(step);
    setText(state, `, ${text.step[step.state] ?? step.state}, `);
    setText(took, duration(step.took(now)) + (step.attempts > 1 ? ` · ${text.step.times(step.attempts)}` : ''));
    drawBars(row, track, step, time, now);
  };
  return row;
}

/** A question may be long; its first line says what it is about. */
export function labelOf(step) {
  return step.kind === 'child' ? text.step.child(titleOf(step.flow ?? step.name)) : step.name.split('\n', 1)[0];
}

function drawBars(row, track, step, time, now) {
  const pieces = piecesOf(step, now);
  while (row.bars.length < pieces.length) {
    const bar = h('span', {});
    row.bars.push(bar);
    track.append(bar);
  }
  row.bars.forEach((bar, at) => {
    const piece = pieces[at];
    const from = piece ? Math.max(0, time.place(piece.from)) : 1;
    const to = piece ? Math.min(1, time.place(piece.to)) : 0;
    bar.hidden = !piece || from > 1 || to < 0;
    if (bar.hidden) return;
    bar.className = `row-bar is-${piece.state}`;
    bar.style.left = `${from * 100}%`;
    bar.style.width = `${Math.max(NARROWEST, to - from) * 100}%`;
  });
}

/** The attempts, and between two of them the pause. */
function piecesOf(step, now) {
  const pieces = [];
  step.spans.forEach((span, at) => {
    const before = step.spans[at - 1];
    if (before?.to && span.from > before.to) pieces.push({ from: before.to, to: span.from, state: 'pause' });
    pieces.push({ from: span.from, to: span.to ?? now, state: span.state });
  });
  const { last } = step;
  if (step.state === 'retrying' && last?.to) pieces.push({ from: last.to, to: Math.max(last.to, Math.min(now, step.retryAt ?? now)), state: 'pause' });
  return pieces;
}
