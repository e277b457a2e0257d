// The page itself: finds the view that the URL names, shows it, and keeps the open tasks live.

import './theme.js';
import { fill, h } from './dom.js';
import './elements/live-health.js';
import './elements/session-menu.js';
import { allFlows } from './flows.js';
import * as route from './route.js';
import { redraw, watch } from './tasks.js';
import { text } from './text.js';
import { flowView } from './views/flow.js';
import { flowsView } from './views/flows.js';
import { notificationView } from './views/notification.js';
import { outboxView } from './views/outbox.js';
import { overviewView } from './views/overview.js';
import { settingsView } from './views/settings.js';
import { taskView } from './views/task.js';
import { tasksView } from './views/tasks.js';

/** By the first word of the hash: the view of all, and that of one. */
const VIEWS = {
  flows: [flowsView, flowView],
  tasks: [tasksView, taskView],
  overview: [overviewView],
  outbox: [outboxView, notificationView],
  settings: [settingsView],
};

const main = document.getElementById('main');
const nav = document.getElementById('nav');

let leave = null;
let isFirst = true;

function show() {
  // The link that skips to the content is no view.
  if (location.hash === '#main') return;
  const { view: asked, name, parameters } = route.current();
  const view = asked in VIEWS ? asked : 'flows';
  route.settle();
  watch(route.openTasks());
  leave?.();
  const place = h('div', { class: `view is-${view}` });
  fill(main, place);
  const [all, one] = VIEWS[view];
  const shown = (name && one ? one : all)(place, { name, parameters, onTitle: setTitle });
  leave = shown.leave ?? null;
  setTitle(shown.title);
  markNav(view);
  if (!isFirst) {
    scrollTo(0, 0);
    place.querySelector('h1')?.focus({ preventScroll: true });
  }
  isFirst = false;
}

function setTitle(title) {
  document.title = title ? `${title} – ${text.title}` : text.title;
}

function markNav(view) {
  const link = (name) => h('a', { href: name === 'flows' ? '#/' : `#/${name}`, 'aria-current': name === view ? 'page' : null }, text.nav[name]);
  fill(nav, Object.keys(VIEWS).map(link));
  // Where the bar is narrower than its links, the current one is seen.
  const current = nav.querySelector('[aria-current]');
  if (current) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.clientWidth) / 2;
}

nav.setAttribute('aria-label', text.nav.label);
const skip = document.querySelector('.skip');
skip.textContent = text.skip;
skip.addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', show);
document.addEventListener('task-closed', () => watch(route.openTasks()));
show();
// Titles are shown in many places; until they come, a flow's name does.
allFlows().then(redraw, () => {});
