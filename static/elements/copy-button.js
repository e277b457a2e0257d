// A button that copies a text and says that it did.

import { h } from '../dom.js';
import { text } from '../text.js';

const SAID_MS = 1500;

export function copyButton(read, label = text.task.copy) {
  const button = h('button', { type: 'button', class: 'button is-quiet is-small' }, label);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = text.task.copied;
    } catch {
      // Only pages over https, or of this machine, may write to the clipboard.
      button.textContent = text.task.notCopied;
    }
    setTimeout(() => { button.textContent = label; }, SAID_MS);
  });
  return button;
}
