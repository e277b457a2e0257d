// Where the page is, kept in the URL's hash: the view, and which tasks are open, so that a reload loses nothing.
//
//   #/                    all flows            #/tasks?flow=…           all tasks, filtered
//   #/flows/<name>        one flow's form      #/tasks/<id>?open=a,b    one task; a and b are open beside it
//   #/overview            figures              #/outbox, #/outbox/<id>  mails
//   #/settings            settings

const MOST_OPEN = 24;

/** The ids of the tasks that are open, in the order in which they were opened. */
const open = [];
/** All that were open since the page was loaded: going back in the history must not open a closed one again. */
const known = new Set();

export function current() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [view = '', name = ''] = path.split('/').map(decode);
  const parameters = new URLSearchParams(query);
  takeUp((parameters.get('open') ?? '').split(',').filter((id) => id && !known.has(id)));
  if (view === 'tasks' && name) takeUp([name]);
  return { view: view || 'home', name, parameters };
}

export function openTasks() {
  return [...open];
}

/** Writes the open tasks into the URL, without a new entry in the history. */
export function settle() {
  const [path, query = ''] = (location.hash || '#/').split('?');
  const parameters = new URLSearchParams(query);
  parameters.delete('open');
  const rest = parameters.toString();
  const parts = [rest, open.length ? `open=${open.map(encodeURIComponent).join(',')}` : ''].filter(Boolean);
  const hash = parts.length ? `${path}?${parts.join('&')}` : path;
  if (hash !== location.hash) history.replaceState(history.state, '', hash);
}

export function close(id) {
  const at = open.indexOf(id);
  if (at >= 0) open.splice(at, 1);
  settle();
}

export function go(hash) {
  location.hash = hash;
}

export function toTask(id) {
  return `#/tasks/${encodeURIComponent(id)}`;
}

export function toFlow(name, fromTask) {
  const query = fromTask ? `?from=${encodeURIComponent(fromTask)}` : '';
  return `#/flows/${encodeURIComponent(name)}${query}`;
}

export function toNotification(id) {
  return `#/outbox/${encodeURIComponent(id)}`;
}

/** Puts what a view shows into the URL, so that it can be shared; no new entry in the history for each letter. */
export function setParameters(changes) {
  const [path, query = ''] = (location.hash || '#/').split('?');
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) parameters.set(name, value);
    else parameters.delete(name);
  }
  const open = parameters.get('open');
  parameters.delete('open');
  const rest = [parameters.toString(), open ? `open=${open.split(',').map(encodeURIComponent).join(',')}` : ''].filter(Boolean).join('&');
  history.replaceState(history.state, '', rest ? `${path}?${rest}` : path);
}

function takeUp(ids) {
  for (const id of ids) {
    known.add(id);
    if (!open.includes(id)) open.push(id);
  }
  while (open.length > MOST_OPEN) open.shift();
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
