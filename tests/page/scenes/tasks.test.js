// The list of tasks: filters that stand in the URL, live rows, many steered at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { heading, launch, moduleAt, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

const rows = (page) => page.locator('.task-list > li');

// Goal: a filtered list can be shared as a link, and goes on living in another window.
test('filters in the URL, and live', async () => {
  const [nightly] = await Promise.all([server.begin('wait_flow', {}, { tags: ['nightly'] }), server.begin('wait_flow'), server.begin('bench_flow', { steps: 1 })]);
  const page = await open(browser, `${server.url}/#/tasks`);
  await until(async () => (await rows(page).count()) === 3, 'all are listed');
  await page.getByRole('textbox', { name: 'Tag' }).fill('nightly');
  await until(async () => (await rows(page).count()) === 1, 'only the tagged one is listed');
  await page.getByLabel('Flow').selectOption('wait_flow');
  await page.getByText('Waiting', { exact: true }).first().click();
  await page.getByLabel('Time').selectOption('Last hour');
  await page.waitForFunction(() => ['flow=wait_flow', 'tag=nightly', 'state=WAITING', 'after=hour'].every((part) => location.hash.includes(part)));

  const other = await open(browser, page.url());
  await until(async () => (await rows(other).count()) === 1, 'the link shows the same');
  assert.equal(await other.getByRole('textbox', { name: 'Tag' }).inputValue(), 'nightly');
  const later = await server.begin('wait_flow', {}, { tags: ['nightly'] });
  await until(async () => (await rows(other).count()) === 2, 'a new one comes by itself');
  await Promise.all([nightly, later].map((id) => server.post(`/tasks/${id}/signals/go`, 'now')));
  await other.getByText('No task matches.').waitFor();
  await other.getByRole('button', { name: 'Clear' }).click();
  await until(async () => (await rows(other).count()) === 4, 'all are listed again');
  assert.deepEqual([...page.mistakes, ...other.mistakes], []);
});

// Goal: many are cancelled and retried in one go: those that are chosen, and all that match.
test('many at once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => server.begin('wait_flow', {}, { tags: ['bulk'] })));
  await Promise.all(ids.map((id) => server.reaches(id, 'WAITING')));
  const page = await open(browser, `${server.url}/#/tasks?tag=bulk`);
  await until(async () => (await rows(page).count()) === 6, 'all are listed');
  await rows(page).nth(0).getByRole('checkbox').check();
  await rows(page).nth(1).getByRole('checkbox').check();
  await page.getByText('2 chosen').waitFor();
  await page.getByRole('button', { name: 'Cancel those' }).click();
  await page.getByRole('button', { name: 'Really cancel?' }).click();
  await page.locator('.bulk').getByText('Done for 2.').waitFor();
  await until(async () => (await rows(page).getByRole('img', { name: 'Cancelled' }).count()) === 2, 'two are cancelled');

  await page.goto(`${server.url}/#/tasks?tag=bulk&state=WAITING`);
  await page.getByRole('button', { name: 'Cancel all that match' }).click();
  await page.getByRole('button', { name: 'Really cancel?' }).click();
  await page.getByText('No task matches.').waitFor();

  await page.goto(`${server.url}/#/tasks?tag=bulk&state=CANCELLED`);
  await until(async () => (await rows(page).count()) === 6, 'all are cancelled');
  await page.getByLabel('Choose all that are shown').check();
  await page.getByRole('button', { name: 'Retry those' }).click();
  await page.getByRole('button', { name: 'Really retry?' }).click();
  await page.locator('.bulk').getByText('Done for 6.').waitFor();
  const { items } = await server.get('/tasks?tag=bulk&state=WAITING,PENDING,PROGRESS&limit=50');
  assert.equal(items.length, 6);
  assert.deepEqual(page.mistakes, []);
});

// Goal: a task is steered from its page: paused, resumed, cancelled, started again.
test('steering', async () => {
  const id = await server.begin('slow_flow', { steps: 200, step_ms: 100 });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await state(page, 'Paused');
  await page.getByRole('button', { name: 'Resume' }).click();
  await state(page, 'Running');
  await page.getByRole('button', { name: 'Cancel' }).click();
  // Another worker takes it over just then: the buttons are drawn anew, and the question stands all the same.
  await page.locator('task-actions').evaluate((actions) => {
    const { task } = actions;
    actions.show({ ...task, id: task.id, state: task.state, ended: task.ended, record: { ...task.record, worker: 'another' } });
  });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Really cancel?');
  await page.getByRole('button', { name: 'Really cancel?' }).click();
  await state(page, 'Cancelled');
  await page.getByRole('button', { name: 'Start again' }).click();
  await page.waitForFunction((old) => !location.hash.includes(`tasks/${old}`), id);
  await state(page, 'Running');
  // What is open stays open, as a strip above.
  await page.getByRole('navigation', { name: 'Other tasks that are open' }).getByText(id.slice(-6)).waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: everything can be reached and done by keyboard alone.
test('by keyboard', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 0 });
  await server.reaches(id, 'WAITING');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  const timeline = page.getByRole('listbox', { name: 'Steps' });
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await timeline.focus();
  await page.keyboard.press('Home');
  await page.locator('step-detail').getByRole('heading', { name: 'Pack the bag' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.locator('step-detail').getByRole('heading', { name: 'Get a ticket' }).waitFor();
  await page.keyboard.press('+');
  assert.ok(await page.getByRole('button', { name: 'Show all' }).isEnabled(), 'it is zoomed');
  await page.keyboard.press('0');
  assert.ok(await page.getByRole('button', { name: 'Show all' }).isDisabled(), 'all is shown again');
  await page.keyboard.press('Escape');
  await page.locator('step-detail').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Approve' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
  await state(page, 'Succeeded');
  await page.goto(`${server.url}/#/overview`);
  await heading(page, 'Overview');
  assert.ok(await page.evaluate(() => document.activeElement.tagName === 'H1'), 'a new view is announced by its heading');
  assert.deepEqual(page.mistakes, []);
});

// Goal: what would be steered in parts is what was asked for, though somebody chooses other filters meanwhile.
test('many at once, in parts', async () => {
  const page = await open(browser, server.url);
  const asked = await page.evaluate(async (module) => {
    const { bulkBar } = await import(module);
    const values = { flow: '', state: 'WAITING', tag: 'nightly', q: '', after: 'hour', before: '' };
    const bodies = [];
    const truly = window.fetch;
    window.fetch = async (path, request) => {
      if (path !== '/tasks/bulk') return truly(path, request);
      bodies.push(JSON.parse(request.body));
      Object.assign(values, { tag: 'another', state: 'PAUSED' });
      return Response.json({ items: [{ ok: true }], next: ['first', 'second', null][bodies.length - 1] });
    };
    await new Promise((done) => {
      const bar = bulkBar({ chosen: () => [], filter: () => values, matches: () => '3', done });
      bar.draw([]);
      bar.node.querySelector('button').click();
      bar.node.querySelector('button').click();
    });
    return bodies;
  }, await moduleAt(page, 'elements/bulk-bar.js'));
  const [{ action, filter }] = asked;
  assert.deepEqual([action, filter.state, filter.tag], ['cancel', 'WAITING', 'nightly']);
  assert.deepEqual(asked, [undefined, 'first', 'second'].map((cursor) => ({ action, filter: cursor ? { ...filter, cursor } : filter })));
});

// Goal: however many match, all of them can be seen.
test('more than one page of the server', async () => {
  const tasks = Array.from({ length: 230 }, () => ({ flow: 'bench_flow', inputs: { steps: 1 }, tags: ['many'], delay_seconds: 3600 }));
  const { items } = await server.post('/start-tasks', { tasks });
  const page = await open(browser, `${server.url}/#/tasks?tag=many`);
  const more = page.getByRole('button', { name: 'Show more' });
  for (const shown of [25, 50, 100, 200]) {
    await until(async () => (await rows(page).count()) === shown, `${shown} are shown`);
    await more.click();
  }
  await until(async () => (await rows(page).count()) === 230, 'all are shown');
  await more.waitFor({ state: 'hidden' });
  const listed = await rows(page).evaluateAll((all) => all.map((row) => row.dataset.task));
  assert.deepEqual(listed.sort(), items.map((item) => item.task_id).sort());
  assert.deepEqual(page.mistakes, []);
});

// Goal: who clicks twice where one click does something, has not agreed to what cannot be taken back.
test('a double click confirms nothing', async () => {
  const page = await open(browser, server.url);
  // The page's own first view is there: one that came later would take the button's place.
  await page.locator('main h1').waitFor();
  await page.evaluate(async (module) => {
    const { confirmButton } = await import(module);
    window.done = 0;
    document.querySelector('main').replaceChildren(confirmButton('Throw away', 'Really?', () => { window.done += 1; }));
  }, await moduleAt(page, 'elements/confirm-button.js'));
  await page.getByRole('button', { name: 'Throw away' }).dblclick();
  assert.equal(await page.evaluate(() => window.done), 0);
  await page.getByRole('button', { name: 'Really?' }).click();
  assert.equal(await page.evaluate(() => window.done), 1);
});
