// Tasks that think, ask and start others: what each step used, questions with forms, tool results, parents and children.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, open, shownTask, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => {
  const settings = { CAUDAL_MODEL: 'rehearsal', CAUDAL_MODEL_PRICES: 'rehearsal:rehearsal=100/400' };
  [server, browser] = await Promise.all([Server.start(settings), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What stands beside a name among a list of names and values. */
const fact = (place, name) => place.locator('dt', { hasText: name }).locator('xpath=following-sibling::dd[1]');

// Goal: of an agent's work one sees each turn with what it used, each tool's result as a table, and can answer both kinds
// of questions in their forms.
test('an agent that asks', async () => {
  const id = await server.begin('research_flow', { question: 'Why do rivers bend?', file: 'rivers.md', files: true });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  const question = page.locator('.wait.is-signal').filter({ hasText: 'Is this what you had in mind?' });
  await question.waitFor();

  const detail = page.locator('step-detail');
  await page.getByRole('option', { name: /^Think, turn 1/ }).click();
  await detail.getByRole('heading', { name: 'Think, turn 1' }).waitFor();
  assert.match(await fact(detail, 'Tokens').textContent(), /\d+ in, \d+ out/);
  assert.match(await fact(detail, 'Model').textContent(), /rehearsal/);
  assert.match(await fact(detail, 'Cost').textContent(), /^\d+\.\d\d/);
  const facts = page.locator('.task-facts');
  assert.match(await fact(facts, 'Tokens').textContent(), /[\d,]+ in, \d+ out/);
  await page.locator('task-head').getByText('Rehearsal', { exact: true }).waitFor();

  await page.getByRole('option', { name: /^Search the web/ }).click();
  await detail.getByRole('columnheader', { name: 'Url' }).first().waitFor();
  assert.equal(await fact(detail, 'Within').textContent(), 'Use tools · 1');
  await page.locator('activity-list').getByRole('columnheader', { name: 'Title' }).first().waitFor();

  await page.getByRole('button', { name: '1 failed' }).click();
  await detail.getByRole('heading', { name: 'List files' }).waitFor();
  await detail.getByText("there is no '[rehearsal] path'").waitFor();

  await question.getByLabel('Answer').fill('Nearly');
  await question.getByRole('button', { name: 'Send' }).click();
  const approval = page.locator('.wait.is-approval');
  await approval.getByRole('heading', { name: "Write the report to 'rivers.md'? It makes a new file." }).waitFor();
  await approval.locator('.wait-about').getByText("Where a model's words would stand", { exact: false }).waitFor();
  await approval.getByLabel('Comment').fill('Not now');
  await approval.getByRole('button', { name: 'Decline' }).click();
  await state(page, 'Succeeded');
  await page.locator('task-outcome').getByText('web_search', { exact: false }).first().waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: a page that is loaded again while a model writes has the words so far, those that come, and none twice.
test('a reload while a model writes', async () => {
  // A page that has shown a poem before has all that it needs: the next one is seen from its first words.
  const earlier = await server.begin('poem_flow');
  const page = await open(browser, `${server.url}/#/tasks/${earlier}`);
  await state(page, 'Succeeded');
  const id = await server.begin('poem_flow', { theme: 'a page that is loaded again '.repeat(17) });
  await page.evaluate((task) => { location.hash = `#/tasks/${task}`; }, id);
  const written = page.locator('live-texts markdown-text');
  const words = async () => (await written.last().textContent({ timeout: 100 }).catch(() => '')).trim();
  await until(async () => (await words()).split(/\s+/).length > 4, 'some words are there');
  const before = await words();
  await page.reload();
  await until(async () => (await words()).length >= before.length, 'they are there again');
  assert.equal((await words()).slice(0, before.length), before);
  await state(page, 'Succeeded');
  const { final_result: poem } = (await server.task(id)).details;
  const letters = (text) => text.replace(/\s+/g, '');
  const shown = page.locator('task-outcome .data-text').first();
  await until(async () => letters(await shown.textContent()) === letters(poem), 'all words are there, once');
  assert.deepEqual(page.mistakes, []);
});

// Goal: a parent leads to its child and back, and what the child answered is seen at both.
test('a child and its parent', async () => {
  const id = await server.begin('tour_flow', { ask: false, rest_seconds: 0, places: ['Faro'] });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Succeeded');
  await page.getByRole('option', { name: /Child: Count words/ }).click();
  await page.locator('step-detail').getByText('Words').first().waitFor();
  await page.locator('task-children').getByRole('link', { name: /Count words/ }).click();
  await until(async () => (await shownTask(page)) !== id, 'the child is shown');
  await page.locator('task-outcome').getByText('Words', { exact: true }).waitFor();
  const kin = page.locator('.task-kin');
  await kin.getByText('Child of').waitFor();
  await kin.getByRole('link').click();
  await until(async () => (await shownTask(page)) === id, 'the parent is shown again');
  assert.deepEqual(page.mistakes, []);
});

// Goal: what a program sends is a value like any other: a signal is answered from the page in the form of its schema.
test('a value for a waiting task', async () => {
  const id = await server.begin('wait_flow');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Waiting');
  await page.getByRole('heading', { name: 'Send a value for “go”' }).waitFor();
  const field = page.locator('.wait.is-signal').getByRole('textbox').first();
  await field.fill('from the page');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await state(page, 'Succeeded');
  await page.locator('task-outcome').getByText('from the page').waitFor();
  assert.deepEqual(page.mistakes, []);
});
