// <session-menu>: with which key this browser is logged in, and the way out. Empty where no key is needed.

import { get, post } from '../api.js';
import { fill, h } from '../dom.js';
import { text } from '../text.js';

class SessionMenu extends HTMLElement {
  async connectedCallback() {
    try {
      const { needs_key: isNeeded, name, role } = await get('/session');
      if (isNeeded && name) this.#show(name, role);
    } catch {
      // The view around says when the server is gone.
    }
  }

  #show(name, role) {
    fill(this,
      h('span', { class: 'session-name', title: text.session.role(role) }, name),
      h('button', { type: 'button', class: 'button is-quiet is-small', onclick: () => this.#leave() }, text.session.leave));
  }

  async #leave() {
    await post('/logout');
    location.assign('/login');
  }
}

customElements.define('session-menu', SessionMenu);
