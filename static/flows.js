// The flows of this server, fetched once and known to every view.
import { listFlows } from "/static/api.js";

let loading = null;
const titles = new Map();

export function loadFlows() {
  loading ??= listFlows().then(
    (flows) => {
      for (const flow of flows) titles.set(flow.name, flow.title);
      return flows;
    },
    (error) => {
      // The next one who asks tries again.
      loading = null;
      throw error;
    },
  );
  return loading;
}

/** What people call it. A flow that is no longer there keeps its name. */
export function flowTitle(name) {
  return titles.get(name) ?? name ?? "Task";
}
