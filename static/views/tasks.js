// The tasks: those that are open as live cards, and all the newest below.

import { fill, h } from '../dom.js';
import '../elements/recent-tasks.js';
import '../elements/task-card.js';
import { openTasks } from '../route.js';
import { task } from '../tasks.js';
import { text } from '../text.js';

export function tasksView(place) {
  const cards = h('div', { class: 'cards' });
  const watching = h('section', { 'aria-labelledby': 'watching-heading' },
    h('h2', { id: 'watching-heading' }, text.tasks.watching), cards);
  const draw = () => {
    const open = openTasks().reverse();
    watching.hidden = open.length === 0;
    const shown = new Map(Array.from(cards.children, (card) => [card.task.id, card]));
    fill(cards, open.map((id) => shown.get(id) ?? h('task-card', { '.task': task(id) })));
  };
  place.addEventListener('task-closed', draw);
  fill(place,
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, text.tasks.heading)),
    watching,
    h('section', { 'aria-labelledby': 'recent-heading' },
      h('div', { class: 'section-head' }, h('h2', { id: 'recent-heading' }, text.tasks.recent), h('a', { class: 'button is-small', href: '#/' }, text.tasks.choose)),
      h('div', { class: 'panel is-flush' }, h('recent-tasks'))));
  draw();
  return { title: text.tasks.heading, leave: () => place.removeEventListener('task-closed', draw) };
}
