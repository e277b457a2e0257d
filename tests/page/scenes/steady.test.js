// What is looked at stays as it is while things go on: what has the focus, what is open, what is chosen, also over a reload;
// and what cannot be shown says why.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
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

// Goal: figures go on, and who has the focus on one, or has chosen a word, keeps it; the figures are those of the server.
test('the overview goes on around who reads it', async () => {
  const id = await server.begin('slow_flow', { steps: 10_000, step_ms: 100 });
  const [failed] = await Promise.all([server.begin('fetch_page_flow', { url: 'http://127.0.0.1:1/' }), server.begin('bench_flow', { steps: 1 })]);
  await server.reaches(failed, 'FAILURE');
  const page = await open(browser, `${server.url}/#/overview`);
  const link = page.locator('.worker-running a', { hasText: id.slice(-6) });
  await link.focus();
  await page.locator('.worker code').evaluate((code) => {
    getSelection().selectAllChildren(code);
    window.read = 0;
    const truly = window.fetch;
    window.fetch = async (...asked) => {
      const answer = await truly(...asked);
      if (String(asked[0]) === '/readyz') window.read += 1;
      return answer;
    };
  });
  const chosen = await page.evaluate(() => String(getSelection()));
  await page.waitForFunction(() => window.read >= 3);
  assert.ok(await link.evaluate((node) => node === document.activeElement), 'the focus is where it was');
  assert.ok(chosen.length > 3 && chosen === await page.evaluate(() => String(getSelection())), 'what was chosen is chosen');

  const stats = await server.get('/stats');
  const [good, bad] = ['succeeded', 'failed'].map((name) => stats.durations.reduce((sum, flow) => sum + (flow[name] ?? 0), 0));
  const tile = (name) => page.locator('.tile', { hasText: name }).locator('.tile-value');
  await tile('Failed').getByText(`${bad} / ${good + bad}`, { exact: true }).waitFor();
  await tile('Running').getByText(`1 / ${stats.workers.concurrency}`, { exact: true }).waitFor();
  // In the plot too: three were started within the last minutes.
  const plot = page.locator('plot-lines').first();
  await plot.locator('path.plot-line.is-accent').first().waitFor({ state: 'attached' });
  const started = await page.evaluate(async () => (await (await fetch('/stats')).json()).rates.points.reduce((sum, point) => sum + (point.created ?? 0), 0));
  assert.equal(started, 3);
  const heights = await plot.locator('path.plot-line.is-accent').evaluateAll((paths) => paths.flatMap((path) => path.getAttribute('d').match(/[ML][\d.]+ [\d.]+/g).map((point) => Number(point.split(' ')[1]))));
  assert.ok(Math.min(...heights) < Math.max(...heights), 'it rises where they came');
  assert.deepEqual(page.mistakes, []);
});

// Goal: a tree that is open in a step stays open while the step tells more; all that it told can be reached; closing the step
// leaves the focus with the list; which step and which part of the log is looked at stands in the URL.
test('a step that goes on telling', async () => {
  const id = await server.begin('bench_flow', { steps: 1 });
  await server.reaches(id, 'SUCCESS');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Succeeded');
  const [detail, logs] = await Promise.all(['elements/step-detail.js', 'log/task-log.js'].map((name) => moduleAt(page, name)));
  await page.evaluate(async ([view, module]) => {
    await import(view);
    const { TaskLog } = await import(module);
    const log = new TaskLog('01989b3a-0000-8000-8000-000000000000');
    const node = document.createElement('step-detail');
    let seq = 0;
    window.tell = (kind, more = {}) => {
      seq += 1;
      log.apply({ seq, kind, at: new Date().toISOString(), step: 's/0', name: 'Look', attempt: 1, ...more }, more.letters ?? 0);
      node.show(log, 's/0');
    };
    document.querySelector('main').replaceChildren(node);
    window.tell('step.started');
    window.tell('tool_result', { tool: 'search', data: { a: { b: { c: { d: 1 } } }, long: 'x'.repeat(100) } });
    window.tell('tool_result', { tool: 'large', data: 1, letters: 1_000_000 });
  }, [detail, logs]);
  await page.locator('.tree summary').first().click();
  const tree = page.locator('.tree').first();
  const isOpen = await tree.evaluate((node) => node.open);
  await page.evaluate(() => { for (let line = 1; line <= 450; line += 1) window.tell('log', { message: `line ${line}`, level: 'info' }); });
  assert.equal(await tree.evaluate((node) => node.open), isOpen, 'it is as it was left');
  // What could not be read says so, and can be asked for again.
  await page.route('**/events?**', (route) => route.abort());
  await page.getByRole('button', { name: 'Show (large)' }).click();
  await page.locator('step-detail .problem').getByText('The server cannot be reached.').waitFor();
  await page.unroute('**/events?**');
  await page.route('**/events?**', (route) => route.fulfill({ json: { items: [{ data: 'it was this' }], next: null } }));
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('it was this').waitFor();
  assert.equal(await page.locator('.told > li').count(), 200);
  for (const shown of [400, 452]) {
    await page.getByRole('button', { name: /^Show more/ }).click();
    await until(async () => (await page.locator('.told > li').count()) === shown, `${shown} are shown`);
  }
  await page.getByText('line 450', { exact: true }).waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: a reload, and a link, show the step and the part of the log that was looked at.
test('what is looked at is in the URL', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 0, ask: false, places: ['Faro'] });
  await server.reaches(id, 'SUCCESS');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await page.getByRole('option', { name: /Get a ticket/ }).click();
  await page.locator('step-detail').getByRole('heading', { name: 'Get a ticket' }).waitFor();
  await page.getByRole('tab', { name: 'Log' }).click();
  await page.getByLabel('Filter the log').fill('postcard');
  await page.getByLabel('Kinds of entries').selectOption('Steps');
  await page.waitForFunction(() => ['step=', 'tab=log', 'find=postcard', 'kind=step'].every((part) => location.hash.includes(part)));
  const other = await open(browser, page.url());
  for (const one of [page, other]) {
    if (one === page) await one.reload();
    await one.locator('step-detail').getByRole('heading', { name: 'Get a ticket' }).waitFor();
    await until(async () => (await one.getByLabel('Filter the log').inputValue()) === 'postcard', 'the filter is there');
    assert.equal(await one.getByLabel('Kinds of entries').inputValue(), 'step');
    await one.locator('.log-row:visible').filter({ hasText: 'Write a postcard' }).first().waitFor();
  }
  await page.getByRole('button', { name: 'Close the step' }).click();
  assert.ok(await page.getByRole('listbox', { name: 'Steps' }).evaluate((node) => node === document.activeElement), 'the focus is with the steps');
  await page.waitForFunction(() => !location.hash.includes('step='));
  assert.deepEqual([...page.mistakes, ...other.mistakes], []);
});

// Goal: an entry of the log that is read later shows that it is, and says when it cannot be read; never another entry.
test('a large entry of the log', async () => {
  const id = await server.begin('wait_flow');
  await server.reaches(id, 'WAITING');
  await server.post(`/tasks/${id}/signals/go`, 'many words '.repeat(3000));
  await server.reaches(id, 'SUCCESS');
  const page = await open(browser, `${server.url}/#/tasks/${id}?tab=log`);
  const row = (text) => page.locator('.log-row:visible').filter({ hasText: text }).first();
  const shown = page.locator('.log-open');
  await row('task.claimed').click();
  await shown.getByText('"kind": "task.claimed"').waitFor();
  await page.route('**/events?**', (route) => route.abort());
  await row('(large; open it to read it)').click();
  await shown.getByText('The server cannot be reached.').waitFor();
  assert.ok(!(await shown.textContent()).includes('task.claimed'));
  await page.unroute('**/events?**');
  await shown.getByRole('button', { name: 'Try again' }).click();
  await shown.getByText('many words many words').waitFor();
  assert.deepEqual(page.mistakes, []);
});

// Goal: a task that cannot be read says why, and shows itself as soon as it can be.
test('a task that cannot be read', async () => {
  const id = await server.begin('bench_flow', { steps: 1 });
  const page = await open(browser, server.url);
  await page.route(`**/tasks/${id}`, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', json: { code: 'store_unavailable', detail: 'The store cannot be reached.' } }));
  await page.goto(`${server.url}/#/tasks/${id}`);
  await page.locator('.problem').getByText('The store cannot be reached.').waitFor();
  assert.equal(await page.locator('.task-body').isVisible(), false);
  await page.unroute(`**/tasks/${id}`);
  await page.getByRole('button', { name: 'Try again' }).click();
  await state(page, 'Succeeded');
  assert.equal(await page.locator('.problem').isVisible(), false);
});

// Goal: a page of another version says so, and offers to be loaded again; nothing is mixed.
test('another version', async () => {
  const page = await open(browser, `${server.url}/#/flows`);
  await page.locator('.flow-card').first().waitFor();
  await page.route('**/static/**/views/overview.js', (route) => route.fulfill({ status: 404 }));
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText('The server has another version by now.').waitFor();
  await page.unroute('**/static/**/views/overview.js');
  await page.getByRole('button', { name: 'Try again' }).click();
  await heading(page, 'Overview');
  const script = await page.evaluate(() => document.querySelector('script[type=module]').src);
  assert.equal((await fetch(script.replace(/@[^/]+/, '@another'))).status, 404);
  // A hash that is the name of what every object has is no view.
  await page.goto(`${server.url}/#/toString`);
  await heading(page, 'Flows');
  assert.deepEqual(page.mistakes, []);
});

// Goal: a long list of values is as quick to show as a short one.
test('a hundred thousand values', async () => {
  const page = await open(browser, server.url);
  const count = await page.evaluate(async (module) => {
    await import(module);
    const view = document.createElement('data-view');
    document.querySelector('main').replaceChildren(view);
    const values = Array.from({ length: 100_000 }, (_, at) => at / 7);
    view.value = { vector: values, record: Object.fromEntries(values.slice(0, 5000).map((value, at) => [`field_${at}`, value])) };
    return view.querySelectorAll('*').length;
  }, await moduleAt(page, 'elements/data-view.js'));
  assert.ok(count < 3000, `${count} elements`);
  await page.getByText('99,800 more are not shown here.').waitFor();
});

// Goal: what changed while the tab was hidden for a moment is there when it is looked at again, and not when an idle list is
// read the next time.
test('a short absence', async () => {
  const page = await open(browser, 'about:blank');
  await page.clock.install();
  await page.goto(`${server.url}/#/tasks?tag=absent`);
  await page.getByText('No task matches.').waitFor();
  await page.locator('live-health.is-live').waitFor();
  const hide = (isHidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  await hide(true);
  const stream = await moduleAt(page, 'live/stream.js');
  const isListening = page.evaluate(async (module) => {
    const { onChanges } = await import(module);
    window.heard = new Promise((resolve) => { onChanges(resolve); });
  }, stream);
  await isListening;
  const id = await server.begin('wait_flow', {}, { tags: ['absent'] });
  await server.reaches(id, 'WAITING');
  await page.evaluate(() => window.heard);
  // The page's clock goes on only when it is told to from here on.
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 2000));
  assert.equal(await page.locator('.task-list > li').count(), 0, 'nobody looks, nothing is read');
  await hide(false);
  await page.clock.runFor(1000);
  await page.locator('.task-list > li').first().waitFor();
});

// Goal: light and dark can be chosen against the system, stay chosen, and every colour follows.
test('a look of one\'s own', async () => {
  const page = await open(browser, `${server.url}/#/settings`);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel('Colours').selectOption('dark');
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByLabel('Colours').waitFor();
  assert.equal(await ground(), dark, 'it stays');
  // Before any module of the page has come, too.
  await page.route('**/app.js', (route) => route.abort());
  await page.goto(`${server.url}/`);
  assert.equal(await ground(), dark, 'from its first moment');
  await page.unroute('**/app.js');
  await page.goto(`${server.url}/#/settings`);
  await page.reload();
  await page.getByLabel('Colours').waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByLabel('Colours').selectOption('light');
  assert.equal(await ground(), light, 'also against a dark system');
  await page.getByLabel('Colours').selectOption('system');
  assert.equal(await ground(), dark);
  assert.deepEqual(page.mistakes, []);
});

// Goal: where keys are in use no secret is shown, and the recipes show where a key goes.
test('a server with keys', async () => {
  const key = `caudal_${'0123456789abcdef'.repeat(3)}`;
  const hash = createHash('sha256').update(key).digest('hex');
  const secret = 'a-secret-that-nobody-sees-0123456789';
  const guarded = await Server.start({ CAUDAL_API_KEYS: `ada:admin:${hash}`, CAUDAL_SECRET: secret });
  try {
    const page = await open(browser, `${guarded.url}/#/settings`);
    await page.getByLabel('Key').fill(key);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('.setting', { hasText: 'set, not shown' }).first().waitFor();
    const shown = await page.content();
    for (const hidden of [secret, key, hash]) assert.ok(!shown.includes(hidden), 'no secret is in the page');
    await page.goto(`${guarded.url}/#/flows/count_words_flow`);
    await page.getByRole('tab', { name: 'From elsewhere' }).click();
    await page.getByText('CAUDAL_API_KEY is a key that may start tasks here.').waitFor();
    const codes = await page.locator('.recipe pre').allTextContents();
    assert.match(codes[0], /-H "Authorization: Bearer \$CAUDAL_API_KEY"/);
    assert.match(codes[2], /^CAUDAL_API_KEY="\$CAUDAL_API_KEY" caudal start/);
    assert.deepEqual(page.mistakes, []);
  } finally {
    await guarded.stop();
  }
});
