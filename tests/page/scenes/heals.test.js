// What goes wrong around the page: the server is killed and started again, the worker is ended, the network goes away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, moduleAt, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';
import { Wire } from '../kit/wire.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Tells whether the page was loaded again: what a script put there is gone then. */
async function mark(page) {
  await page.evaluate(() => { window.isStillHere = true; });
}

// Goal: a server that is killed in the middle shows itself, and when it is back the page goes on by itself to the end.
test('a killed server', async () => {
  const id = await server.begin('slow_flow', { steps: 40, step_ms: 250 });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await mark(page);
  await page.getByRole('option', { name: /step 4/ }).waitFor();
  await server.kill();
  await page.getByText('Connection lost, trying again…').first().waitFor();
  await server.up();
  await page.locator('live-health.is-live').waitFor();
  await state(page, 'Succeeded');
  assert.ok(await page.evaluate(() => window.isStillHere), 'nothing was loaded again');
  const rows = await page.getByRole('option').evaluateAll((options) => options[0].getAttribute('aria-setsize'));
  assert.equal(rows, '40', 'no step is there twice');
  await page.getByRole('tab', { name: 'Log' }).click();
  // Only what is seen is made, and when the server was killed is a matter of chance.
  await page.getByLabel('Kinds of entries').selectOption('Task');
  await page.locator('.log-row').filter({ hasText: 'task.rescued' }).first().waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: "Stop the worker" ends the process, another takes over, and the page shows it without being loaded again.
test('the worker is stopped from the page', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 1, ask: false });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await mark(page);
  await page.getByRole('option', { name: /Visit Lisbon/ }).waitFor();
  const { items: [worker] } = await server.get('/workers');
  await page.getByRole('button', { name: 'Stop the worker' }).click();
  await page.getByRole('button', { name: 'Really end its process?' }).click();
  await state(page, 'Succeeded');
  assert.ok(await page.evaluate(() => window.isStillHere), 'nothing was loaded again');
  const { items: [successor] } = await server.get('/workers');
  assert.notEqual(successor.id, worker.id, 'another worker has it');
  await page.getByText('Taken over', { exact: true }).waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: words that were written are neither lost nor doubled by a crash in the middle of them.
test('a crash in the middle of a text', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 0, ask: false, places: ['Faro'] });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  const written = page.locator('live-texts markdown-text');
  await until(async () => (await written.first().textContent({ timeout: 100 }).catch(() => '')).length > 40, 'some words are written');
  await server.kill();
  await server.up();
  await state(page, 'Succeeded');
  const { details } = await server.task(id);
  const shown = await page.locator('task-outcome').textContent();
  const plain = (text) => text.replace(/\s+/g, ' ');
  assert.ok(plain(shown).includes(plain(details.final_result.postcard)));
  const texts = await page.evaluate(async ([module, task]) => {
    const { logOf } = await import(module);
    return [...logOf(task).steps.values()].map((step) => step.text).filter(Boolean);
  }, [await moduleAt(page, 'log/logs.js'), id]);
  assert.deepEqual(texts, [details.final_result.postcard]);
});

// Goal: a page that was without a network for a while says so, shows what it knew, and catches up.
test('without a network', async () => {
  const wire = await Wire.to(server.port);
  try {
    const id = await server.begin('wait_flow');
    await server.reaches(id, 'WAITING');
    const page = await open(browser, `${wire.url}/#/tasks/${id}`);
    await state(page, 'Waiting');
    await mark(page);
    wire.cut();
    await page.getByText('Connection lost, trying again…').first().waitFor();
    await server.post(`/tasks/${id}/signals/go`, 'now');
    await server.reaches(id, 'SUCCESS');
    await state(page, 'Waiting');
    wire.mend();
    await state(page, 'Succeeded');
    await page.locator('live-health.is-live').waitFor();
    assert.ok(await page.evaluate(() => window.isStillHere), 'nothing was loaded again');
  } finally {
    wire.close();
  }
});
