// A refusal, in words: what happened, what to do, and a way to try again.

import { h } from '../dom.js';
import { text } from '../text.js';

export function problemNote(error, onRetry) {
  return h('div', { class: 'problem', role: 'alert' },
    h('p', { class: 'problem-heading' }, error.message || text.error.unknown),
    error.hint ? h('p', {}, error.hint) : null,
    onRetry ? h('button', { type: 'button', class: 'button is-small', onclick: onRetry }, text.error.tryAgain) : null);
}
