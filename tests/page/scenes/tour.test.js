// A person takes the tour: starts it from its form, watches words come, reloads in the middle, answers, sees it end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { heading, launch, moduleAt, open, shownTask, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The whole log of a task as the server has it. */
async function allEvents(id) {
  const events = [];
  for (;;) {
    const { items } = await server.get(`/tasks/${id}/events?after=${events.at(-1)?.seq ?? 0}`);
    if (items.length === 0) return events;
    events.push(...items);
  }
}

// Goal: from the form to the result without a word missing, whenever the page is loaded again.
test('the tour, with a reload in the middle', async () => {
  const page = await open(browser, server.url);
  await page.getByRole('link', { name: 'Take the tour', exact: true }).click();
  await heading(page, 'Take the tour');
  await page.getByLabel('Traveller').fill('Grace');
  await page.getByLabel('Rest seconds').fill('1');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  const id = await shownTask(page);

  // The postcard comes word by word: the page shows more than one of its beginnings before the whole.
  const written = page.locator('live-texts markdown-text');
  const seen = new Set();
  await until(async () => {
    const text = await written.first().textContent({ timeout: 100 }).catch(() => '');
    if (text) seen.add(text);
    return seen.size >= 3;
  }, 'words come one after the other');
  const before = [...seen].pop();

  await page.reload();
  await until(async () => (await written.first().textContent().catch(() => '')).length >= before.length, 'what was written is there again');
  assert.ok((await written.first().textContent()).startsWith(before.slice(0, 40)));
  await page.getByRole('option', { name: /Pack the bag/ }).waitFor();

  await page.getByRole('heading', { name: 'The bags are full. Shall we go home?' }).waitFor();
  await page.reload();
  await page.getByLabel('Comment').fill('With all souvenirs');
  await page.getByRole('button', { name: 'Approve' }).click();
  await state(page, 'Succeeded');
  const outcome = page.locator('task-outcome');
  await outcome.locator('.data-text', { hasText: 'Until soon, Grace' }).waitFor();
  await page.getByText('Going home (“With all souvenirs”)').waitFor();
  assert.equal((await server.task(id)).state, 'SUCCESS');

  // Everything of the log is in the page, once. (Pieces of words are not kept one by one: the words are compared above.)
  const told = await allEvents(id);
  const known = await page.evaluate(async ([module, task]) => {
    const { logOf } = await import(module);
    const { seq: head, entries } = logOf(task);
    return { head, numbers: entries.map(({ seq }) => seq) };
  }, [await moduleAt(page, 'log/logs.js'), id]);
  assert.ok(told.length > 40);
  assert.deepEqual(known, { head: told.at(-1).seq, numbers: told.filter(({ kind }) => kind !== 'chunk').map(({ seq }) => seq) });
  await page.getByRole('tab', { name: 'Log' }).click();
  await page.locator('log-view').getByText(/entries/).waitFor();
  const rows = page.locator('.log-row');
  await page.getByLabel('Filter the log').fill('postcard');
  await until(async () => (await rows.filter({ hasText: 'Write a postcard' }).count()) > 0, 'the filter finds the step');

  // The step that failed twice says so.
  await page.getByRole('option', { name: /Get a ticket/ }).click();
  const detail = page.locator('step-detail');
  await detail.getByText('the ticket machine does not answer').first().waitFor();
  await detail.getByText('Got one at attempt 3').waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: one tab has one live connection, whatever it shows.
test('one connection per tab', async () => {
  // From its first moment: also a connection that was opened at once, and forgotten, counts.
  const page = await open(browser, 'about:blank');
  const open_ = new Set();
  page.on('request', (request) => request.url().includes('/stream') && open_.add(request));
  page.on('requestfinished', (request) => open_.delete(request));
  page.on('requestfailed', (request) => open_.delete(request));
  await page.goto(`${server.url}/#/`);
  await page.locator('live-health.is-live').waitFor();
  assert.equal(open_.size, 1);
  const ids = await Promise.all([1, 2, 3].map(() => server.begin('wait_flow')));
  for (const id of ids) {
    await page.goto(`${server.url}/#/tasks/${id}`);
    await state(page, 'Waiting');
  }
  await page.goto(`${server.url}/#/tasks`);
  await page.locator('task-card').nth(2).waitFor();
  assert.ok(open_.size <= 1, `${open_.size} streams are open`);
  await server.post(`/tasks/${ids[0]}/signals/go`, 'now');
  await page.locator('task-card').filter({ hasText: ids[0].slice(-6) }).getByText('Succeeded').waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: the whole page speaks Spanish to who prefers it, and the choice can be changed.
test('in Spanish', async () => {
  const page = await open(browser, server.url, { language: 'es-MX' });
  await heading(page, 'Flujos');
  assert.equal(await page.locator('html').getAttribute('lang'), 'es');
  await page.getByRole('link', { name: 'Take the tour', exact: true }).click();
  await page.getByRole('button', { name: 'Iniciar', exact: true }).click();
  await state(page, 'En curso');
  await page.getByRole('button', { name: 'Aprobar' }).click();
  await state(page, 'Terminada');
  // What the server says is Spanish where the page knows its code, else marked as what it is.
  const [known, unknown] = await page.evaluate(async (module) => {
    const { ApiError } = await import(module);
    const problem = { detail: 'The task is SUCCESS: this is not possible.', hint: 'It is possible in PENDING.' };
    return ['wrong_state', 'unknown_field'].map((code) => new ApiError(409, { ...problem, code })).map(({ message, lang, hintLang }) => ({ message, lang, hintLang }));
  }, await moduleAt(page, 'api.js'));
  assert.deepEqual(known, { message: 'El estado en que está no lo permite.', lang: null, hintLang: 'en' });
  assert.deepEqual(unknown, { message: 'The task is SUCCESS: this is not possible.', lang: 'en', hintLang: 'en' });
  await page.goto(`${server.url}/#/settings`);
  await page.locator('.setting-about[lang="en"]').first().waitFor();
  await page.getByLabel('Idioma').selectOption('en');
  await heading(page, 'Settings');
  assert.deepEqual(page.mistakes, []);
});
