// Answers, and what begins something: only a pressed button decides, a lost answer doubles nothing, what was typed and not
// sent is there after a reload.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, moduleAt, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Lets the first request to a path reach the server and loses its answer. Collects the keys that are sent. */
async function loseFirst(page, path) {
  const keys = [];
  await page.route(path, async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length > 1) return route.continue();
    await route.fetch();
    return route.abort();
  });
  return keys;
}

/** Shows a question as a task would ask it; answers what is sent for it. */
async function ask(page, wait) {
  await page.evaluate(async ([module, asked]) => {
    await import(module);
    const node = document.createElement('wait-form');
    document.querySelector('main').replaceChildren(node);
    node.show('01989b3a-0000-8000-8000-000000000000', { id: 'w', kind: 'signal', name: 'go', since: new Date().toISOString(), ...asked });
  }, [await moduleAt(page, 'elements/wait-form.js'), wait]);
  const bodies = [];
  await page.route('**/signals/**', (route) => {
    bodies.push(route.request().postData());
    return route.fulfill({ json: {} });
  });
  return bodies;
}

// Goal: Enter in the comment of an approval decides nothing; half a comment is there after a reload; the button decides.
test('only a button decides', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 0, places: ['Faro'] });
  await server.reaches(id, 'WAITING');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  let sent = 0;
  page.on('request', (request) => { sent += request.url().includes('/signals/') ? 1 : 0; });
  await page.getByLabel('Comment').fill('Not yet');
  await page.getByLabel('Comment').press('Enter');
  await page.waitForFunction(() => Object.values(sessionStorage).some((draft) => draft.includes('Not yet')));
  await page.reload();
  await page.getByRole('button', { name: 'Decline' }).waitFor();
  assert.equal(await page.getByLabel('Comment').inputValue(), 'Not yet');
  assert.deepEqual([sent, (await server.task(id)).state], [0, 'WAITING']);
  await page.getByRole('button', { name: 'Decline' }).click();
  await state(page, 'Succeeded');
  const { items } = await server.get(`/tasks/${id}/events?limit=200`);
  const { signal } = items.find(({ kind }) => kind === 'approval.answered');
  const { value } = items.find(({ seq }) => seq === signal);
  assert.deepEqual([value.approved, value.comment], [false, 'Not yet']);
  assert.ok(!await page.evaluate(() => Object.values(sessionStorage).some((draft) => draft.includes('Not yet'))), 'nothing is kept of what was sent');
  assert.deepEqual(page.mistakes, []);
});

// Goal: nothing can be an answer, and is sent as such.
test('nothing as an answer', async () => {
  const page = await open(browser, server.url);
  const schemas = [{ type: ['string', 'null'] }, { type: ['integer', 'null'] }, { type: 'null' }, { anyOf: [{ type: 'object', properties: {} }, { type: 'null' }] }, {}];
  for (const schema of schemas) {
    const bodies = await ask(page, { schema });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.wait-note').getByText('Sent. The task goes on in a moment.').waitFor();
    assert.deepEqual(bodies, ['null'], JSON.stringify(schema));
    await page.unroute('**/signals/**');
  }
  assert.deepEqual(page.mistakes, []);
});

// Goal: an answer that is sent again, since nothing was heard of the first, is the same one.
test('a lost answer is given once', async () => {
  const id = await server.begin('wait_flow');
  await server.reaches(id, 'WAITING');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  // The page must not hear how it went on.
  await page.route('**/stream?**', (route) => route.abort());
  await page.reload();
  const keys = await loseFirst(page, '**/signals/**');
  await page.locator('wait-form').getByRole('textbox').fill('now');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('The server cannot be reached.').first().waitFor();
  await page.getByRole('button', { name: 'Send' }).click();
  await until(() => keys.length === 2, 'it is sent again');
  assert.ok(keys[0] && keys[0] === keys[1], String(keys));
  await server.reaches(id, 'SUCCESS');
  const { items } = await server.get(`/tasks/${id}/events?limit=200`);
  assert.equal(items.filter(({ kind }) => kind === 'signal.received').length, 1);
});

// Goal: a retry whose answer was lost begins one task when it is pressed again; so do many at once.
test('a lost retry begins one task', async () => {
  const failed = await Promise.all([1, 2, 3].map(() => server.begin('fetch_page_flow', { url: 'http://127.0.0.1:1/' }, { tags: ['lost'] })));
  await Promise.all(failed.map((id) => server.reaches(id, 'FAILURE')));
  const page = await open(browser, `${server.url}/#/tasks/${failed[0]}`);
  const keys = await loseFirst(page, '**/retry');
  await page.getByRole('button', { name: 'Retry from the failed step' }).click();
  await page.locator('task-actions').getByText('The server cannot be reached.').waitFor();
  await page.getByRole('button', { name: 'Retry from the failed step' }).click();
  await page.getByText('Retry of').waitFor();
  assert.ok(keys[0] && keys[0] === keys[1], String(keys));
  const retries = async () => (await server.get('/tasks?flow=fetch_page_flow&limit=100')).items.length - failed.length;
  assert.equal(await retries(), 1);

  // The time of "the last hour" goes on between two presses; what is asked for stays the same.
  await page.goto(`${server.url}/#/tasks?tag=lost&state=FAILURE&after=hour&flow=fetch_page_flow`);
  await page.locator('.task-list > li').nth(2).waitFor();
  await until(async () => (await server.get('/tasks?flow=fetch_page_flow&state=FAILURE&limit=100')).items.length === 4, 'the retry has failed too');
  await page.locator('.task-list > li').nth(3).waitFor();
  const bulk = await loseFirst(page, '**/tasks/bulk');
  const press = async () => {
    await page.getByRole('button', { name: 'Retry all that match' }).click();
    await page.getByRole('button', { name: 'Really retry?' }).click();
  };
  await press();
  await page.locator('.bulk').getByText('The server cannot be reached.').waitFor();
  await press();
  await page.locator('.bulk').getByText(/^Done for/).waitFor();
  assert.ok(bulk[0] && bulk[0] === bulk[1], String(bulk));
  const { items } = await server.get('/tasks?flow=fetch_page_flow&limit=100');
  const origins = (await Promise.all(items.map((item) => server.task(item.task_id)))).map((task) => task.retry_of).filter(Boolean);
  // Those that failed again meanwhile may be among the second press's; nothing is retried twice.
  assert.equal(new Set(origins).size, origins.length - 1, 'only the first, which was retried by hand before, has two');
  assert.deepEqual(page.mistakes, []);
});

// Goal: who went on to something else before a start was answered is left there.
test('a late answer calls nobody back', async () => {
  const page = await open(browser, `${server.url}/#/flows/bench_flow`);
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.route('**/start-task', async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const answered = page.waitForResponse('**/start-task');
  go();
  await (await answered).finished();
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve); }));
  assert.match(page.url(), /#\/overview/);
  assert.match(await page.title(), /^Overview/);
  assert.deepEqual(page.mistakes, []);
});
