// The login: turns a key into a session of this browser, then goes to the page. What stands behind `#` comes along.

import './theme.js';
import { get, post } from './api.js';
import { language, text } from './text.js';

const at = (id) => document.getElementById(id);
const form = at('login');
const key = at('key');

at('heading').textContent = text.login.heading;
at('label').textContent = text.login.key;
at('help').textContent = text.login.help;
at('button').textContent = text.login.enter;

document.title = `${text.login.heading} – ${text.title}`;

function toPage() {
  location.replace(`/${location.hash}`);
}

function showProblem(message, lang = language) {
  at('problem').lang = lang;
  at('problem').textContent = message;
  at('problem').hidden = !message;
  at('field').classList.toggle('is-wrong', Boolean(message));
  key.toggleAttribute('aria-invalid', Boolean(message));
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  showProblem('');
  if (!key.value.trim()) {
    showProblem(text.form.required);
    key.focus();
    return;
  }
  at('button').disabled = true;
  try {
    await post('/login', { key: key.value.trim() });
    toPage();
  } catch (error) {
    const isWrong = error.code === 'unauthenticated';
    showProblem(isWrong ? text.login.wrong : error.message, isWrong ? language : error.lang ?? language);
    at('button').disabled = false;
    key.select();
  }
});

// Who need not log in, or is already, has nothing to do here.
get('/session').then(({ needs_key: isNeeded, name }) => {
  if (!isNeeded || name) toPage();
}, () => {});
