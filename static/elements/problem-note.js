// A refusal, in words: what happened, what to do, and a way to try again.

import { h } from '../dom.js';
import { text } from '../text.js';

/** What happened and what to do, as one sentence behind the other. */
export function problemWords({ message, lang, hint, hintLang }) {
  return [h('span', { lang }, message || text.error.unknown), hint ? [' ', h('span', { lang: hintLang }, hint)] : null];
}

export function problemNote(error, onRetry) {
  return h('div', { class: 'problem', role: 'alert' },
    h('p', { class: 'problem-heading', lang: error.lang }, error.message || text.error.unknown),
    error.hint ? h('p', { lang: error.hintLang }, error.hint) : null,
    onRetry ? h('button', { type: 'button', class: 'button is-small', onclick: onRetry }, text.error.tryAgain) : null);
}
