// An entry of a task's log, in words.

import { duration } from '../format.js';
import { text } from '../text.js';

/** One line that says what happened. */
export function logText({ kind, event }) {
  if (!event) return text.log.large(kind);
  switch (kind) {
    case 'log': return event.message;
    case 'progress': return `${event.percent} % ${event.message}`;
    case 'tool_result': return `${event.tool}: ${brief(event.data)}`;
    case 'custom': return `${event.name}: ${brief(event.data)}`;
    case 'usage': return `${event.model}: ${event.prompt_tokens} + ${event.completion_tokens}`;
    case 'step.started': return event.attempt > 1 ? `${event.name} · ${text.step.attempt(event.attempt)}` : event.name;
    case 'step.succeeded': return `${event.name}${event.result === null ? '' : `: ${brief(event.result)}`}`;
    case 'step.failed': case 'step.retrying': return `${event.name}: ${event.error?.message ?? ''}`;
    case 'step.cancelled': return event.name;
    case 'task.claimed': case 'task.rescued': case 'task.released': return event.worker;
    case 'task.waiting': return event.waits.map((wait) => wait.question ?? wait.name).join(', ');
    case 'task.paused': return event.detail ?? event.reason;
    case 'task.failed': case 'task.retrying': return event.error?.message ?? '';
    case 'task.succeeded': return brief(event.result);
    case 'task.created': return event.flow;
    case 'timer.set': return duration(new Date(event.until) - new Date(event.at));
    case 'approval.asked': return event.question;
    case 'signal.received': return `${event.name}: ${brief(event.value)}`;
    case 'child.started': return event.flow;
    case 'child.ended': return text.state[event.state] ?? event.state;
    default: return event.name ?? event.step ?? '';
  }
}

const LONGEST = 300;

function brief(value) {
  if (value === undefined) return '';
  const json = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
  return json.length > LONGEST ? `${json.slice(0, LONGEST)}…` : json;
}
