// What this server is and how it is configured, secrets hidden; and how the page itself looks in this browser.

import { fill, h } from '../dom.js';
import { problemNote } from '../elements/problem-note.js';
import { setParameters } from '../route.js';
import { settings } from '../server.js';
import { chooseLanguage, language, languages, text } from '../text.js';
import { chooseTheme, theme, THEMES } from '../theme.js';

export function settingsView(place, { parameters }) {
  const list = h('div', { class: 'settings', 'aria-busy': 'true' });
  const search = h('input', { type: 'search', class: 'input catalogue-search', placeholder: text.settings.search, 'aria-label': text.settings.search });
  search.value = parameters.get('q') ?? '';
  search.addEventListener('input', () => {
    setParameters({ q: search.value.trim() });
    find(list, search.value);
  });
  fill(place,
    h('div', { class: 'page-head is-split' },
      h('div', {}, h('h1', { tabindex: '-1' }, text.settings.heading), h('p', { class: 'lead' }, text.settings.lead)), search),
    h('div', { class: 'columns' }, list, h('aside', { class: 'side', 'aria-label': text.settings.page }, ofThePage())));
  show(list).then(() => find(list, search.value));
  return { title: text.settings.heading };
}

function ofThePage() {
  const choice = (label, current, options, choose) => {
    const select = h('select', { class: 'input' }, options.map(([value, name]) => h('option', { value, lang: label === text.settings.language ? value : null }, name)));
    select.value = current;
    select.addEventListener('change', () => choose(select.value));
    return h('label', { class: 'field' }, h('span', { class: 'field-label' }, label), select);
  };
  return h('section', { class: 'panel' }, h('h2', {}, text.settings.page), h('div', { class: 'fields' },
    choice(text.settings.language, language, Object.entries(languages), chooseLanguage),
    choice(text.settings.theme, theme(), THEMES.map((name) => [name, text.settings.themes[name]]), chooseTheme)));
}

async function show(list) {
  try {
    const { version, items } = await settings();
    const groups = [...new Set(items.map((item) => item.group))];
    fill(list, h('p', { class: 'quiet' }, text.settings.version(version)),
      // What the server says of its settings is English.
      groups.map((group) => h('section', { class: 'panel', 'aria-label': group }, h('h2', { lang: 'en' }, group), h('ul', { class: 'setting-list' }, items.filter((item) => item.group === group).map(setting)))));
  } catch (error) {
    fill(list, problemNote(error, () => show(list)));
  }
  list.removeAttribute('aria-busy');
}

/** Leaves those that have all the words in them. */
function find(list, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of list.querySelectorAll('.setting')) {
    const said = one.textContent.toLowerCase();
    one.hidden = !words.every((word) => said.includes(word));
  }
  for (const group of list.querySelectorAll('.panel')) group.hidden = !group.querySelector('.setting:not([hidden])');
}

function setting(item) {
  return h('li', { class: 'setting' },
    h('code', { class: 'setting-name' }, item.name),
    h('span', { class: 'setting-value' }, valueOf(item), item.set_by ? h('span', { class: 'setting-place' }, text.settings.setBy(item.set_by)) : null),
    h('p', { class: 'setting-about', lang: 'en' }, item.about));
}

function valueOf(item) {
  if (item.is_secret) return h('span', { class: 'quiet' }, item.set_by ? text.settings.hidden : text.settings.notSet);
  if (item.value === null || item.value === undefined || item.value === '') return h('span', { class: 'quiet' }, text.settings.notSet);
  return h(item.set_by ? 'strong' : 'span', {}, item.value);
}
