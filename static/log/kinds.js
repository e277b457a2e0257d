// The kinds of events that a task's log is made of. The server may know more; those are left out here.

export const KINDS = [
  'task.created', 'task.claimed', 'task.waiting', 'task.paused', 'task.resumed', 'task.retrying', 'task.rescued',
  'task.released', 'task.cancelling', 'task.succeeded', 'task.failed', 'task.cancelled',
  'step.started', 'step.succeeded', 'step.failed', 'step.retrying', 'step.cancelled',
  'log', 'progress', 'tool_result', 'custom', 'chunk', 'chunk.reset', 'usage',
  'signal.awaited', 'signal.received', 'signal.consumed', 'signal.rejected', 'approval.asked', 'approval.answered',
  'timer.set', 'child.started', 'child.ended', 'race.won', 'recorded', 'notification.queued', 'log.reset',
];

export const LAST_KINDS = ['task.succeeded', 'task.failed', 'task.cancelled'];

/** The groups by which the raw log is filtered. */
export const GROUPS = {
  log: (kind) => kind === 'log',
  result: (kind) => ['tool_result', 'custom', 'usage'].includes(kind),
  step: (kind) => kind.startsWith('step.'),
  wait: (kind) => /^(signal|approval|timer|child|notification)\./.test(kind),
  task: (kind) => kind.startsWith('task.'),
};
