// <progress-line>: how far a task is, as a thin line.

import { fill, h } from '../dom.js';
import { text } from '../text.js';

class ProgressLine extends HTMLElement {
  connectedCallback() {
    if (this.bar) return;
    this.bar = h('span', { class: 'progress-bar' });
    fill(this, this.bar);
    this.setAttribute('role', 'progressbar');
    this.setAttribute('aria-label', text.task.progress);
    this.setAttribute('aria-valuemin', '0');
    this.setAttribute('aria-valuemax', '100');
    if (this.pending) this.show(...this.pending);
  }

  show(percent, state) {
    if (!this.bar) {
      this.pending = [percent, state];
      return;
    }
    const done = Math.min(100, Math.max(0, percent));
    this.setAttribute('aria-valuenow', String(done));
    // A flow that never says how far it is still shows that it moves.
    const isUnknown = done === 0 && state === 'PROGRESS';
    this.className = `progress is-${state.toLowerCase()}${isUnknown ? ' is-unknown' : ''}`;
    this.bar.style.transform = `scaleX(${done / 100})`;
  }
}

customElements.define('progress-line', ProgressLine);
