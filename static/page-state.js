// What the page shows, kept in the address (`#flow=tour_flow&tasks=a,b`): a reload loses nothing, a link shares it.

const changes = new EventTarget();
let state = read();

function read() {
  const query = new URLSearchParams(location.hash.slice(1));
  const tasks = (query.get("tasks") ?? "").split(",").filter(Boolean);
  return { flow: query.get("flow"), tasks: [...new Set(tasks)] };
}

function write(next) {
  state = next;
  const parts = [];
  if (next.flow) parts.push(`flow=${encodeURIComponent(next.flow)}`);
  if (next.tasks.length) parts.push(`tasks=${next.tasks.map(encodeURIComponent).join(",")}`);
  // Opening and closing cards is no journey to go back on.
  history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  changes.dispatchEvent(new Event("change"));
  delete state.opened;
}

addEventListener("hashchange", () => {
  // A link to a place in the page, such as the skip link, is not ours.
  if (location.hash && !location.hash.includes("=")) return;
  state = read();
  changes.dispatchEvent(new Event("change"));
});

/** Calls `listener(state)` now and at every change. */
export function onPageState(listener) {
  changes.addEventListener("change", () => listener(state));
  listener(state);
}

export function chooseFlow(flow) {
  write({ ...state, flow });
}

/** Puts the task in front; `opened` is told to the listeners of this one change. */
export function openTask(task) {
  write({ ...state, opened: task, tasks: [task, ...state.tasks.filter((other) => other !== task)] });
}

export function closeTask(task) {
  write({ ...state, tasks: state.tasks.filter((other) => other !== task) });
}
