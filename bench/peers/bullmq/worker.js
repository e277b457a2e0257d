// The worker process: the flows of the load generator, as BullMQ's users would write them.
//
// A step is two calls: its log line, and its result, which is stored in the job and told to whoever watches. What a
// job has finished is looked up when it begins, so that one that stalled goes on where it was ("process step jobs").

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { QUEUE, connection } from './queue.js';

const inSteps = async (job, steps, run) => {
  const results = job.progress?.step_results ?? [];
  for (let number = results.length + 1; number <= steps; number += 1) {
    await run(number);
    results.push({ type: 'tool_result', step_name: `Step ${number}`, tool: 'nothing', data: { step: number } });
    const progress = Math.floor((100 * number) / steps);
    await Promise.all([
      job.log('Nothing to do'),
      job.updateProgress({ status: `Step ${number}`, progress, step_results: results }),
    ]);
  }
  return steps;
};

const flows = {
  bench_flow: (job) => inSteps(job, job.data.steps ?? 5, () => {}),

  slow_flow: (job) =>
    inSteps(job, job.data.steps ?? 10, async (number) => {
      if (process.env.STEP_LOG) appendFileSync(process.env.STEP_LOG, `${job.id} ${number} ${process.pid}\n`);
      await sleep(job.data.step_ms ?? 200);
    }),

  async ticker_flow(job) {
    const { hz = 10, secs = 10 } = job.data;
    const began = performance.now();
    const ticks = Math.round(hz * secs);
    for (let tick = 1; tick <= ticks; tick += 1) {
      await sleep(Math.max(0, began + (1000 * tick) / hz - performance.now()));
      const now = (performance.timeOrigin + performance.now()) / 1000;
      await job.updateProgress({ status: `t=${now.toFixed(6)}`, progress: Math.floor((99 * tick) / ticks) });
    }
    return ticks;
  },
};

new Worker(QUEUE, (job) => flows[job.name](job), {
  connection: connection(),
  concurrency: Number(process.env.CONCURRENCY ?? 64),
});
