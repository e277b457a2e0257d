// A button that asks once more in place, for what cannot be taken back.

import { announce, h } from '../dom.js';

const ASKING_MS = 4000;

export function confirmButton(label, question, act, help = null) {
  const button = h('button', { type: 'button', class: 'button is-danger', title: help }, label);
  let timer = null;
  const rest = () => {
    clearTimeout(timer);
    timer = null;
    button.textContent = label;
    button.classList.remove('is-asking');
  };
  button.addEventListener('click', ({ detail: clicks }) => {
    // The second half of a double click has not read the question.
    if (clicks > 1) return;
    if (timer) {
      rest();
      act(button);
      return;
    }
    button.textContent = question;
    announce(question);
    button.classList.add('is-asking');
    timer = setTimeout(rest, ASKING_MS);
  });
  return button;
}
