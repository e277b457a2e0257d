// All that the page asks of the server, and the one place that knows paths, tokens and the form of errors.

/** An answer that is an error: RFC 9457, or nothing at all when the server was not reached (status 0). */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || problem.error || `The server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.hint = problem.hint ?? "";
    /** [{ path: "/theme", message }] */
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

const reachability = new EventTarget();
let reachable = true;

/** Calls `listener(isReachable)` whenever that changes. */
export function onReachability(listener) {
  reachability.addEventListener("change", () => listener(reachable));
}

export function noteReachable(now) {
  if (reachable === now) return;
  reachable = now;
  reachability.dispatchEvent(new Event("change"));
}

async function call(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, headers: { accept: "application/json", ...headers }, signal, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    noteReachable(false);
    throw new ApiError(0, { detail: "The server cannot be reached" });
  }
  noteReachable(true);
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's page in place of our server's answer.
    if (answer.ok) throw new ApiError(answer.status, { detail: "The server's answer could not be read" });
  }
  if (!answer.ok) throw new ApiError(answer.status, value ?? {});
  return value;
}

function csrfCookie() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1];
}

/** A call that changes something. A token that has gone stale (another server, a new secret) is fetched anew, once. */
async function change(method, path, { body, headers } = {}) {
  const send = () => {
    const token = csrfCookie();
    return call(method, path, { body, headers: { ...headers, ...(token && { "x-csrftoken": decodeURIComponent(token) }) } });
  };
  if (!csrfCookie()) await call("GET", "/csrf");
  try {
    return await send();
  } catch (error) {
    if (error.code !== "csrf") throw error;
    await call("GET", "/csrf");
    return send();
  }
}

const id = encodeURIComponent;

export async function listFlows() {
  return (await call("GET", "/flows")).items;
}

/** `key` makes it safe to ask again when it is not known whether the first time was heard. */
export function startTask(flow, inputs, key) {
  return change("POST", "/start-task", { body: { flow, inputs }, headers: { "idempotency-key": key } });
}

export function listTasks({ cursor, limit = 12 } = {}) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor) query.set("cursor", cursor);
  return call("GET", `/tasks?${query}`);
}

export function getTask(task) {
  return call("GET", `/tasks/${id(task)}`);
}

export function getSnapshot(task) {
  return call("GET", `/task-status/${id(task)}`);
}

export async function listEvents(task, after) {
  return (await call("GET", `/tasks/${id(task)}/events?after=${after}`)).items;
}

/** `control`: cancel, pause, resume, retry. */
export function controlTask(task, control) {
  return change("POST", `/tasks/${id(task)}/${control}`, { body: {} });
}

export function sendSignal(task, name, value) {
  return change("POST", `/tasks/${id(task)}/signals/${id(name)}`, { body: value });
}

export function statusStream(task) {
  return new EventSource(`/task-status/${id(task)}`);
}

/** For the idempotency key; `crypto.randomUUID` is missing where a page comes over plain http from another host. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
