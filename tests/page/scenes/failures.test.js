// What fails: a step, which is explained and retried; inputs, whose mistakes stand at their fields.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { heading, launch, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';

let server;
let browser;
let site;
let isThere = false;
before(async () => {
  site = createServer((_, answer) => {
    answer.writeHead(isThere ? 200 : 404, { 'Content-Type': 'text/html' });
    answer.end(isThere ? `<title>Rivers</title><article><h1>Rivers</h1><p>${'Rivers carry what the hills can spare. '.repeat(20)}</p></article>` : 'gone');
  });
  await new Promise((resolve) => { site.listen(0, '127.0.0.1', resolve); });
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  site?.close();
});

// Goal: who sees a failure learns where, why, and what can be done; the retry goes on from there.
test('a failed step, explained and retried', async () => {
  const url = `http://127.0.0.1:${site.address().port}/`;
  const id = await server.begin('fetch_page_flow', { url });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Failed');
  const outcome = page.locator('task-outcome');
  await outcome.getByText('in “Fetch and read”').waitFor();
  await outcome.getByText(/404/).waitFor();
  await page.getByRole('option', { name: /Fetch and read.*failed/ }).click();
  await page.locator('step-detail').getByText(/404/).first().waitFor();

  isThere = true;
  await page.getByRole('button', { name: 'Retry from the failed step' }).click();
  await page.getByText('Retry of').waitFor();
  await state(page, 'Succeeded');
  await page.locator('task-outcome').getByText('Rivers').first().waitFor();

  // Again with other inputs: the form has those of before.
  await page.getByRole('link', { name: 'Edit and start…' }).click();
  await heading(page, 'Fetch a page');
  await page.getByText('Filled in from an earlier task.').waitFor();
  assert.equal(await page.getByLabel('Url').inputValue(), url);
  assert.deepEqual(page.mistakes, []);
});

// Goal: what the server refuses stands at its field, in nested forms too, and the first one has the focus.
test('mistakes at their fields', async () => {
  const page = await open(browser, `${server.url}/#/flows/form_flow`);
  await page.getByLabel('Name', { exact: true }).fill('A');
  await page.getByLabel('Guests').fill('99');
  await page.getByLabel('Postcode').first().fill('12');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  const wrong = (name) => page.locator('.field', { has: page.getByLabel(name, { exact: true }) }).last().locator('.field-error');
  await wrong('Guests').getByText('It must be at most 12.').waitFor();
  await wrong('Name').getByText('It must have at least 2 letters.').waitFor();
  await page.getByText('It does not have the expected form (^[0-9]{5}$).').waitFor();
  assert.equal(await page.getByLabel('Name', { exact: true }).getAttribute('aria-invalid'), 'true');
  assert.ok(await page.getByLabel('Name', { exact: true }).evaluate((field) => field === document.activeElement), 'the first mistake has the focus');
  await page.getByText('3 things need another look.').waitFor();

  await page.getByLabel('Name', { exact: true }).fill('Ada');
  await page.getByLabel('Guests').fill('3');
  await page.getByLabel('Street').first().fill('Rua 1');
  await page.getByLabel('Postcode').first().fill('12345');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await state(page, 'Succeeded');
  assert.deepEqual(page.mistakes, []);
});

// Goal: what does not exist says so and leaves a way on.
test('nothing there', async () => {
  const page = await open(browser, `${server.url}/#/tasks/01989b3a-0000-8000-8000-000000000000`);
  await page.getByText('This task does not exist, or has been forgotten.').waitFor();
  await page.goto(`${server.url}/#/flows/no_flow`);
  await page.getByText('There is no flow named “no_flow”.').waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: times are told by the server's clock; a browser's that is an hour fast changes nothing.
test('a clock that is wrong', async () => {
  const id = await server.begin('wait_flow');
  await server.reaches(id, 'WAITING');
  const page = await open(browser, 'about:blank');
  await page.addInitScript(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 3_600_000;
  });
  await page.goto(`${server.url}/#/tasks`);
  const row = page.locator(`.task-list > li[data-task="${id}"]`);
  await row.locator('.recent-ago').filter({ hasText: /just now|s ago/ }).waitFor();
  await page.getByLabel('Time').selectOption('Last hour');
  await page.waitForFunction(() => location.hash.includes('after=hour'));
  await page.goto(`${server.url}/#/tasks/${id}`);
  await page.locator('.task-clock').filter({ hasText: /\d+ s\b/ }).waitFor();
  assert.deepEqual(page.mistakes, []);
});
