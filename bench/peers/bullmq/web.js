// The web process: starts tasks, and tells each watcher every progress of its task.
//
// One `QueueEvents` for the whole process, as BullMQ's guide has it; each event is made into bytes once for all who
// watch that task. A watcher is put down before the job is read, so that nothing can fall in between.

import { Queue, QueueEvents } from 'bullmq';
import Fastify from 'fastify';
import { QUEUE, connection } from './queue.js';

// The event stream is trimmed at 10,000 entries as it ships; a busy web process may be further behind than that.
const queue = new Queue(QUEUE, { connection: connection(), streams: { events: { maxLen: 200_000 } } });
const events = new QueueEvents(QUEUE, { connection: connection() });
const watchers = new Map();

const bytes = (state, details) => Buffer.from(`data: ${JSON.stringify({ state, details })}\n\n`);

const tell = (id, state, details) => {
  const all = watchers.get(id);
  if (!all) return;
  const said = bytes(state, details);
  if (state === 'PROGRESS') {
    for (const watcher of all) watcher.write(said);
    return;
  }
  watchers.delete(id);
  for (const watcher of all) watcher.end(said);
};

events.on('progress', ({ jobId, data }) => tell(jobId, 'PROGRESS', data));
events.on('completed', ({ jobId, returnvalue }) => tell(jobId, 'SUCCESS', { final_result: returnvalue }));
events.on('failed', ({ jobId, failedReason }) => tell(jobId, 'FAILURE', { error: failedReason }));

const forget = (id, watcher) => {
  const all = watchers.get(id);
  if (all?.delete(watcher) && all.size === 0) watchers.delete(id);
};

const watch = async (id, watcher) => {
  if (!watchers.has(id)) watchers.set(id, new Set());
  watchers.get(id).add(watcher);
  watcher.on('close', () => forget(id, watcher));
  watcher.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
  const job = await queue.getJob(id);
  if (watcher.writableEnded) return;
  const details = typeof job?.progress === 'object' ? job.progress : {};
  if (!job?.finishedOn) return void watcher.write(bytes(job?.processedOn ? 'PROGRESS' : 'PENDING', details));
  forget(id, watcher);
  const ended = job.failedReason
    ? bytes('FAILURE', { ...details, error: job.failedReason })
    : bytes('SUCCESS', { ...details, final_result: job.returnvalue });
  watcher.end(ended);
};

const app = Fastify({ logger: false });

const start = {
  body: {
    type: 'object',
    required: ['flow'],
    properties: { flow: { type: 'string' }, inputs: { type: 'object', default: {} } },
  },
  response: { 200: { type: 'object', properties: { task_id: { type: 'string' } } } },
};
app.post('/start-task', { schema: start }, async ({ body }) => {
  const job = await queue.add(body.flow, body.inputs);
  return { task_id: job.id };
});

app.get('/task-status/:id', (request, reply) => {
  reply.hijack();
  watch(request.params.id, reply.raw).catch((error) => reply.raw.destroy(error));
});

app.get('/stats', async () => {
  const counts = await queue.getJobCounts('wait', 'active', 'prioritized', 'delayed');
  const { active, ...rest } = counts;
  const queued = Object.values(rest).reduce((sum, count) => sum + count, 0);
  const row = (state, count) => ({ flow: 'bench_flow', state, count });
  return { tasks: [row('queued', queued), row('running', active)] };
});

app.get('/readyz', async () => ({ ready: true }));

await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
const [host, port] = process.env.LISTEN.split(':');
await app.listen({ host, port: Number(port), backlog: 4096 });
