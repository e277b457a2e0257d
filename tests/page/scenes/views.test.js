// Every view in light and dark, wide and narrow, in both languages: no serious hindrance for anybody (axe-core), nothing
// wider than the screen, and a picture of each to be looked at (target/page/).

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { hindrances } from '../kit/axe.js';
import { launch, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';

const PICTURES = fileURLToPath(new URL('../../../target/page/', import.meta.url));

let server;
let browser;
const ids = {};
before(async () => {
  await mkdir(PICTURES, { recursive: true });
  [server, browser] = await Promise.all([Server.start(), launch()]);
  ids.waiting = await server.begin('tour_flow', { rest_seconds: 1 }, { tags: ['holiday'] });
  ids.crowded = await server.begin('crowded_flow', { steps: 120, lines: 4 });
  ids.failed = await server.begin('fetch_page_flow', { url: 'http://127.0.0.1:1/' });
  ids.done = await server.begin('tour_flow', { rest_seconds: 0, ask: false, places: ['Faro', 'Lagos'] }, { notify: { email: ['ada@example.org'], on: ['success'] } });
  ids.running = await server.begin('slow_flow', { steps: 10_000, step_ms: 400 });
  ids.mail = (await server.post('/notifications', { to: 'ada@example.org', template: 'plain', context: { subject: 'It rains in Porto', text: 'Take an umbrella.\n\nSee you soon.' } })).notification_ids[0];
  ids.markdown = await server.begin('hostile_flow');
  await Promise.all([server.reaches(ids.waiting, 'WAITING'), server.reaches(ids.crowded, 'SUCCESS'), server.reaches(ids.failed, 'FAILURE'), server.reaches(ids.done, 'SUCCESS'), server.reaches(ids.markdown, 'SUCCESS')]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const option = (name) => (page) => page.getByRole('option', { name }).first().click();

/** Name, hash, and what must be there before it counts. */
const VIEWS = [
  ['catalogue', () => '#/', (page) => page.locator('.flow-card').first().waitFor()],
  ['flow', () => '#/flows/tour_flow', (page) => page.locator('schema-form input').first().waitFor()],
  ['flow-fields', () => '#/flows/form_flow', (page) => page.locator('schema-form input').first().waitFor()],
  ['flow-elsewhere', () => '#/flows/tour_flow', async (page) => page.getByRole('tab').nth(1).click()],
  ['task-waiting', () => `#/tasks/${ids.waiting}`, async (page) => {
    await page.locator('.wait.is-approval button').first().waitFor();
    await option(/Get a ticket/)(page);
  }],
  ['task-running', () => `#/tasks/${ids.running}`, (page) => page.getByRole('option').first().waitFor()],
  ['task-done', () => `#/tasks/${ids.done}`, (page) => page.locator('task-outcome .record').waitFor()],
  ['task-crowded', () => `#/tasks/${ids.crowded}`, async (page) => {
    await page.locator('.timeline-map').waitFor();
    await page.getByRole('tab').nth(1).click();
    await page.locator('.log-row').first().click();
  }],
  ['task-failed', () => `#/tasks/${ids.failed}`, (page) => page.locator('task-outcome .outcome-error').waitFor()],
  ['task-markdown', () => `#/tasks/${ids.markdown}`, (page) => page.locator('task-outcome .md-heading').first().waitFor()],
  ['tasks', () => `#/tasks?open=${ids.waiting},${ids.running}`, (page) => page.locator('.task-list > li').nth(3).waitFor()],
  ['overview', () => '#/overview', (page) => page.locator('.worker').first().waitFor()],
  ['outbox', () => '#/outbox', (page) => page.locator('.task-list > li').first().waitFor()],
  ['mail', () => `#/outbox/${ids.mail}`, (page) => page.frameLocator('.mail-frame').getByText('Take an umbrella.').waitFor()],
  ['settings', () => '#/settings', (page) => page.locator('.setting').first().waitFor()],
];

for (const [look, options] of [['light', {}], ['dark', { dark: true, language: 'es-ES' }], ['narrow', { narrow: true }], ['narrow-dark', { narrow: true, dark: true, language: 'es-ES' }]]) {
  // Goal: nobody is kept out, whichever view they look at and however.
  test(`all views, ${look}`, async (t) => {
    const page = await open(browser, server.url, options);
    const wrong = [];
    for (const [name, hash, ready] of VIEWS) {
      // A view that is opened anew has nothing of the one before.
      await page.goto('about:blank');
      await page.goto(`${server.url}/${hash()}`);
      await ready(page);
      await page.locator('live-health.is-live').waitFor();
      await page.screenshot({ path: `${PICTURES}${name}-${look}.png`, fullPage: name !== 'task-crowded' });
      wrong.push(...(await hindrances(page)).map((hindrance) => `${name}: ${hindrance}`));
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wider > 0) wrong.push(`${name}: ${wider} pixels wider than the screen`);
    }
    t.diagnostic(`${VIEWS.length} views, pictures in target/page/`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.mistakes, []);
  });
}

// Goal: where a key is needed, the way in is as open to everybody.
test('the login', async () => {
  const guarded = await Server.start({ CAUDAL_MAKE_ADMIN_KEY: '1' }).catch(() => null);
  assert.ok(guarded, 'a server with keys starts');
  for (const look of ['light', 'dark']) {
    const page = await open(browser, guarded.url, { dark: look === 'dark' });
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.deepEqual(await hindrances(page), [], look);
    await page.getByLabel('Key').fill('caudal_wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('This key is not known here.').waitFor();
    assert.deepEqual(await hindrances(page), [], `${look}, refused`);
    await page.screenshot({ path: `${PICTURES}login-${look}.png` });
  }
  await guarded.stop();
});
