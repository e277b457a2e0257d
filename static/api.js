// Talks to the server: JSON there and back, problem documents as errors, the CSRF token with each change.

import { hearTime } from './clock.js';
import { parseJson } from './exact.js';
import { refusalOf, text } from './text.js';

/** What the server refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  constructor(status, problem = {}) {
    const own = refusalOf(problem.code);
    const said = problem.detail || problem.error || problem.title;
    super(own || said || text.error.unknown);
    this.status = status;
    /** As the server says it, whatever the page says. */
    this.said = said || '';
    /** The languages of the two sentences where they may not be the page's. */
    this.lang = said && !own && status !== 0 ? 'en' : null;
    this.hintLang = status === 0 ? null : 'en';
    this.code = problem.code || '';
    this.hint = problem.hint || '';
    /** `[{ path, message }]`, paths being JSON pointers. */
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }

  get isNetwork() {
    return this.status === 0;
  }
}

let token = null;

export function get(path, { signal } = {}) {
  return send(path, { headers: { Accept: 'application/json' }, signal });
}

/** Without a body nothing is said, which is `{}`; null is a value. */
export async function post(path, body = {}, headers = {}) {
  return change(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** A key by which the server knows a repeated start again. Works on plain http too, where randomUUID is missing. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function change(path, request) {
  const withToken = async () => ({ ...request, headers: { ...request.headers, 'X-CSRFToken': await csrfToken() } });
  try {
    return await send(path, await withToken());
  } catch (error) {
    // The server may have been started with another key meanwhile: one fresh token, one more try.
    if (error.code !== 'csrf') throw error;
    token = null;
    return send(path, await withToken());
  }
}

async function csrfToken() {
  if (!token) {
    const answer = await send('/csrf', { headers: { Accept: 'application/json' } });
    token = answer.csrf_token ?? answer.csrftoken;
  }
  return token;
}

async function send(path, request) {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...request });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { detail: text.error.network, hint: text.error.networkHint });
  }
  hearTime(response.headers.get('date'));
  const body = await readJson(response);
  if (response.status === 401 && location.pathname !== '/login') logIn();
  if (!response.ok) throw new ApiError(response.status, body ?? { detail: `${response.status} ${response.statusText}` });
  return body;
}

/** The session is over, or was never begun: there and back again, to the same view. */
function logIn() {
  location.assign(`/login${location.hash}`);
}

async function readJson(response) {
  try {
    return parseJson(await response.text());
  } catch {
    return null;
  }
}
