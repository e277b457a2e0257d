// How to start a flow from elsewhere, with what is in the form now: curl, JavaScript, the command line.

import { h } from '../dom.js';
import { text } from '../text.js';
import { copyButton } from './copy-button.js';

/** `needsKey`: where the server knows people by keys, a command shows its own. */
export function startRecipes(flow, inputs, { needsKey = false } = {}) {
  const body = { flow: flow.name, inputs };
  return h('div', { class: 'recipes' }, h('p', { class: 'quiet' }, text.flow.elsewhereHelp, needsKey ? [' ', text.flow.elsewhereKey] : null),
    [['curl', curl(body, needsKey)], ['JavaScript', javascript(body)], [text.flow.commandLine, commandLine(body, needsKey)]].map(([name, code]) =>
      h('section', { class: 'recipe' }, h('div', { class: 'recipe-head' }, h('h2', {}, name), copyButton(() => code)), h('pre', { class: 'data-raw is-wrapped is-whole', tabindex: '0' }, code))));
}

function curl(body, needsKey) {
  const key = needsKey ? ` -H "Authorization: Bearer $CAUDAL_API_KEY" \\\n ` : '';
  return `curl${key} -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))} \\\n  ${location.origin}/start-task`;
}

function javascript(body) {
  return `// A page of this server sends its token, a page from elsewhere a key: Authorization: 'Bearer …'.
const token = (await (await fetch('${location.origin}/csrf')).json()).csrf_token;
const answer = await fetch('${location.origin}/start-task', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'X-CSRFToken': token },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll('\n', '\n  ')}),
});
const { watch_url } = await answer.json();

const stream = new EventSource(new URL(watch_url, '${location.origin}'));
stream.onmessage = ({ data }) => {
  const { state, details } = JSON.parse(data);
  console.log(state, details.progress, details.status);
  if (['SUCCESS', 'FAILURE', 'CANCELLED'].includes(state)) stream.close();
};`;
}

function commandLine({ flow, inputs }, needsKey) {
  const key = needsKey ? 'CAUDAL_API_KEY="$CAUDAL_API_KEY" ' : '';
  const given = Object.keys(inputs).length > 0 ? ` \\\n  --inputs ${quoted(JSON.stringify(inputs))}` : '';
  return `${key}caudal start ${flow} --follow --url ${location.origin}${given}`;
}

/** For a shell. */
function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
