// The page itself: finds the view that the URL names, shows it, and keeps the open tasks live.

import './theme.js';
import { fill, h } from './dom.js';
import './elements/live-health.js';
import './elements/session-menu.js';
import { unreachableNote } from './elements/lazily.js';
import { allFlows } from './flows.js';
import * as route from './route.js';
import { redraw, watch } from './tasks.js';
import { text } from './text.js';
import { flowsView } from './views/flows.js';

/** By the first word of the hash: the view of all, and that of one. What is not seen first is fetched when it is wanted. */
const VIEWS = {
  flows: [async () => flowsView, async () => (await import('./views/flow.js')).flowView],
  tasks: [async () => (await import('./views/tasks.js')).tasksView, async () => (await import('./views/task.js')).taskView],
  overview: [async () => (await import('./views/overview.js')).overviewView],
  outbox: [async () => (await import('./views/outbox.js')).outboxView, async () => (await import('./views/notification.js')).notificationView],
  settings: [async () => (await import('./views/settings.js')).settingsView],
};

const main = document.getElementById('main');
const nav = document.getElementById('nav');

let leave = null;
let isFirst = true;
let number = 0;

async function show() {
  // The link that skips to the content is no view.
  if (location.hash === '#main') return;
  const { view: asked, name, parameters } = route.current();
  const view = Object.hasOwn(VIEWS, asked) ? asked : 'flows';
  route.settle();
  watch(route.openTasks());
  const [all, one] = VIEWS[view];
  number += 1;
  const mine = number;
  markNav(view);
  const make = await (name && one ? one : all)().catch(() => null);
  // Somebody went on meanwhile.
  if (mine !== number) return;
  leave?.();
  leave = null;
  if (!make) {
    const note = await unreachableNote(() => location.reload());
    if (mine === number) fill(main, note);
    return;
  }
  const place = h('div', { class: `view is-${view}` });
  fill(main, place);
  let title = '';
  // A view knows its title later than its address; one that was left has nothing more to say.
  const onTitle = (told) => {
    title = told;
    if (mine === number) setTitle(told);
  };
  const shown = make(place, { name, parameters, onTitle });
  leave = shown.leave ?? null;
  setTitle(title || shown.title);
  if (!isFirst) {
    scrollTo(0, 0);
    focusHeading(place);
  }
  isFirst = false;
}

/** Also of a view that must read before it has one. */
function focusHeading(place) {
  const heading = () => place.querySelector('h1');
  (heading() ?? main).focus({ preventScroll: true });
  if (heading()) return;
  const seen = new MutationObserver(() => {
    if (!heading()) return;
    seen.disconnect();
    if (document.activeElement === main) heading().focus({ preventScroll: true });
  });
  seen.observe(place, { childList: true, subtree: true });
}

function fetchAhead(link) {
  if (!link) return;
  const [view, name] = link.hash.slice(2).split('?')[0].split('/');
  const [all, one] = Object.hasOwn(VIEWS, view) ? VIEWS[view] : VIEWS.flows;
  load(name && one ? one : all);
}

/** What cannot be fetched now is fetched when it is wanted. */
function load(view) {
  view().catch(() => {});
}

function later(then) {
  if (globalThis.requestIdleCallback) requestIdleCallback(then);
  else setTimeout(then, 1000);
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
// A view is fetched as soon as somebody makes for it, so that it is there when they arrive.
for (const kind of ['pointerover', 'focusin']) document.addEventListener(kind, ({ target }) => fetchAhead(target.closest?.('a[href^="#/"]')));
// Titles are shown in many places; until they come, a flow's name does. Then there is time for what comes next: a flow's
// form, and its task.
allFlows().then(redraw, () => {}).then(() => later(() => [VIEWS.flows[1], VIEWS.tasks[1]].forEach(load)));
