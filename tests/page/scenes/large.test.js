// A task of 500 steps and 5,000 log lines: it can be read, it scrolls, and it costs little.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { launch, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

const MOST_BYTES = 150 * 1024 * 1024;
/** Of the main thread, for each frame of scrolling: at sixty frames a second there are 16 ms. */
const MOST_MS_PER_FRAME = 16;
/** Between two frames, and for anything that the page does in one go, on a machine that has nothing else to do. */
const MOST_MS_BETWEEN = 250;
const MOST_MS_AT_ONCE = 500;

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the page's process has for itself alone, as the system counts it. */
async function ownBytes() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  }));
  return Math.max(...sizes);
}

/**
 * How many times longer others that want the machine make something take: the same work, again and again, at its longest
 * and at its shortest.
 */
function crowding(page) {
  return page.evaluate(() => {
    const times = Array.from({ length: 40 }, () => {
      const from = performance.now();
      let sum = 0;
      for (let at = 0; at < 4_000_000; at += 1) sum += at % 7;
      return Math.max(performance.now() - from, sum * 0);
    }).sort((a, b) => a - b);
    return times[times.length - 1] / times[0];
  });
}

/** The longest that the page's thread was busy in one go since it was opened, in ms. */
function longestTask(page) {
  return page.evaluate(() => new Promise((resolve) => {
    const seen = new PerformanceObserver((list) => resolve(Math.max(...list.getEntries().map(({ duration }) => duration))));
    seen.observe({ type: 'longtask', buffered: true });
    setTimeout(() => resolve(0), 1000);
  }));
}

/** Scrolls an element to its end in so many frames; answers the main thread's work for each and the longest pause, in ms. */
async function scroll(page, selector, frames) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const work = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration');
  };
  const before = await work();
  const longest = await page.locator(selector).evaluate((element, count) => new Promise((resolve) => {
    const step = (element.scrollHeight - element.clientHeight) / count;
    let [frame, pause, last] = [0, 0, performance.now()];
    const next = () => {
      const now = performance.now();
      pause = Math.max(pause, now - last);
      last = now;
      if (frame === count) {
        resolve(pause);
        return;
      }
      frame += 1;
      element.scrollTop = frame * step;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }), frames);
  return { each: ((await work()) - before) * 1000 / frames, longest };
}

// Goal: whatever the length of a task, only what is seen is made.
test('500 steps and 5,000 log lines', async (t) => {
  const id = await server.begin('crowded_flow', { steps: 500, lines: 10, at_once: 16, step_ms: 1 });
  await server.reaches(id, 'SUCCESS');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Succeeded');
  await page.getByText('500', { exact: true }).first().waitFor();
  const first = page.getByRole('option').first();
  await until(async () => (await first.getAttribute('aria-setsize')) === '500', 'all steps are known');
  assert.ok(await page.getByRole('option').count() < 60, 'few rows are made');

  const sizes = [await ownBytes()];
  const timeline = await scroll(page, '.timeline-rows', 120);
  sizes.push(await ownBytes());
  await page.getByRole('option', { name: /Item 500/ }).waitFor();
  await page.getByRole('tab', { name: 'Log' }).click();
  await page.getByLabel('Kinds of entries').selectOption('Log lines');
  // The ten lines of ten items that failed at first were told twice.
  const count = page.locator('.log-count');
  await count.filter({ hasText: /^5,100 of / }).waitFor();
  assert.ok(await page.locator('.log-row').count() < 80, 'few lines are made');
  const log = await scroll(page, '.log-rows', 120);
  sizes.push(await ownBytes());
  await page.getByLabel('Filter the log').fill('Item 321: line 7');
  await count.filter({ hasText: /^1 of / }).waitFor();
  await page.locator('.log-row:visible').click();
  await page.locator('.log-open').getByText('"Item 321: line 7 of 10').waitFor();

  const bytes = Math.max(...sizes, await ownBytes());
  const [atOnce, crowd] = [await longestTask(page), await crowding(page)];
  for (const [where, { each, longest }] of Object.entries({ timeline, log })) {
    t.diagnostic(`scrolling the ${where}: ${each.toFixed(1)} ms a frame, the longest pause ${longest.toFixed(0)} ms`);
    assert.ok(each < MOST_MS_PER_FRAME, `${where}: ${each} ms a frame`);
    assert.ok(longest < MOST_MS_BETWEEN * crowd, `${where}: frozen for ${longest} ms`);
  }
  t.diagnostic(`memory ${(bytes / 1048576).toFixed(0)} MiB at most, the longest task ${atOnce.toFixed(0)} ms; others make it ${crowd.toFixed(1)} times as long`);
  assert.ok(atOnce < MOST_MS_AT_ONCE * crowd, `busy for ${atOnce} ms in one go`);
  assert.ok(bytes > 0 && bytes < MOST_BYTES, `${bytes} bytes`);
  assert.deepEqual(page.mistakes, []);
});

// Goal: while such a task runs, the page follows it and can still be used.
test('while it runs', async () => {
  const id = await server.begin('crowded_flow', { steps: 400, lines: 10, at_once: 8, step_ms: 10 });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await page.getByRole('option').first().waitFor();
  // Who goes back is left where they are.
  await page.getByRole('listbox', { name: 'Steps' }).focus();
  await page.keyboard.press('Home');
  await page.getByRole('option', { name: /^Item 1 Batch/ }).waitFor();
  await page.locator('step-detail').getByText('Item 1: line 10 of 10', { exact: false }).waitFor();
  await state(page, 'Succeeded');
  assert.deepEqual(page.mistakes, []);
});
