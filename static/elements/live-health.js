// <live-health>: whether what is seen is live. A lost connection shows itself and says when it is back.

import { announce, fill, h } from '../dom.js';
import { health } from '../live/health.js';
import { text } from '../text.js';

class LiveHealth extends HTMLElement {
  #wasLost = false;
  #show = () => this.show();

  connectedCallback() {
    health.addEventListener('change', this.#show);
    this.show();
  }

  disconnectedCallback() {
    health.removeEventListener('change', this.#show);
  }

  show() {
    const { state } = health;
    this.className = `health is-${state}`;
    fill(this, h('span', { class: 'health-dot', 'aria-hidden': 'true' }), h('span', { class: 'health-words' }, text.health[state] ?? ''));
    if (state === 'lost' && !this.#wasLost) announce(text.health.lost);
    if (state === 'live' && this.#wasLost) announce(text.health.healed);
    if (state === 'lost' || state === 'live') this.#wasLost = state === 'lost';
  }
}

customElements.define('live-health', LiveHealth);
