// The page itself: finds the view that the URL names, shows it, and keeps the open tasks live.

import { fill, h } from './dom.js';
import './elements/live-health.js';
import './elements/session-menu.js';
import { allFlows } from './flows.js';
import * as route from './route.js';
import { redraw, watch } from './tasks.js';
import { text } from './text.js';
import { flowView } from './views/flow.js';
import { flowsView } from './views/flows.js';
import { tasksView } from './views/tasks.js';
import { taskView } from './views/task.js';

const main = document.getElementById('main');
const nav = document.getElementById('nav');

let leave = null;
let isFirst = true;

function show() {
  // The link that skips to the content is no view.
  if (location.hash === '#main') return;
  const { view, name, parameters } = route.current();
  route.settle();
  watch(route.openTasks());
  leave?.();
  const place = h('div', { class: `view is-${view}` });
  fill(main, place);
  const shown = choose(view, name)(place, { name, parameters, onTitle: setTitle });
  leave = shown.leave ?? null;
  setTitle(shown.title);
  markNav(view);
  if (!isFirst) {
    scrollTo(0, 0);
    place.querySelector('h1')?.focus({ preventScroll: true });
  }
  isFirst = false;
}

function choose(view, name) {
  if (view === 'flows' && name) return flowView;
  if (view === 'tasks') return name ? taskView : tasksView;
  return flowsView;
}

function setTitle(title) {
  document.title = title ? `${title} – ${text.title}` : text.title;
}

function markNav(view) {
  const link = (href, label, isCurrent) => h('a', { href, 'aria-current': isCurrent ? 'page' : null }, label);
  fill(nav, link('#/', text.nav.flows, view !== 'tasks'), link('#/tasks', text.nav.tasks, view === 'tasks'));
}

addEventListener('hashchange', show);
document.addEventListener('task-closed', () => watch(route.openTasks()));
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
show();
// Titles are shown in many places; until they come, a flow's name does.
allFlows().then(redraw, () => {});
