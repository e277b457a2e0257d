// Panels of which one is seen. Arrow keys turn to the next.

import { h, newId } from '../dom.js';

/**
 * `panels` are `{ name, panel, onShow }`; what is not always up to date is drawn when it is turned to. `onTurn(at)` is told
 * when somebody turns to another than the first that is seen.
 */
export function tabs(label, panels, { first = 0, onTurn = null } = {}) {
  const all = panels.map(({ name, panel, onShow }) => {
    const id = newId('panel');
    const tab = h('button', { type: 'button', role: 'tab', class: 'tab', id: newId('tab'), 'aria-controls': id }, name);
    return { tab, around: h('div', { role: 'tabpanel', id, 'aria-labelledby': tab.id }, panel), onShow };
  });
  const turn = (to) => all.forEach(({ tab, around, onShow }, at) => {
    tab.setAttribute('aria-selected', String(at === to));
    tab.tabIndex = at === to ? 0 : -1;
    around.hidden = at !== to;
    if (at === to) onShow?.();
  });
  const choose = (at) => {
    turn(at);
    onTurn?.(at);
  };
  all.forEach(({ tab }, at) => tab.addEventListener('click', () => choose(at)));
  const onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = all.findIndex(({ tab }) => tab === event.target);
    if (!step || at < 0) return;
    const to = (at + step + all.length) % all.length;
    choose(to);
    all[to].tab.focus();
  };
  turn(first);
  return [h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown }, all.map(({ tab }) => tab)), all.map(({ around }) => around)];
}
