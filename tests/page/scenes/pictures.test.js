// The pictures of the README: a tour that asks, and one that is over. `CAUDAL_UPDATE_PICTURES=1` puts them into `docs/`.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { launch, open, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = join(ROOT, process.env.CAUDAL_UPDATE_PICTURES ? 'docs' : 'target/page');
const SIZE = { width: 1280, height: 1000 };

let server;
let browser;
before(async () => {
  await mkdir(FOLDER, { recursive: true });
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// Goal: what the README shows is what the page looks like.
test('a task that asks, and one that is over', async () => {
  const id = await server.begin('tour_flow', { traveller: 'Grace', rest_seconds: 1 }, { notify: { email: ['grace@example.org'], on: ['waiting', 'success'] } });
  await server.reaches(id, 'WAITING');
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await page.setViewportSize(SIZE);
  await page.getByRole('option', { name: /Get a ticket/ }).click();
  await page.getByRole('button', { name: 'Approve' }).waitFor();
  await page.locator('step-detail').getByText('Got one at attempt 3').waitFor();
  await page.locator('live-health.is-live').waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(FOLDER, 'task-asks.png') });

  await server.post(`/tasks/${id}/signals/${(await server.task(id)).details.waiting[0].name}`, { approved: true });
  await server.reaches(id, 'SUCCESS');
  const dark = await open(browser, `${server.url}/#/tasks/${id}`, { dark: true });
  await dark.setViewportSize(SIZE);
  await state(dark, 'Succeeded');
  await dark.locator('task-outcome .record').waitFor();
  await dark.locator('task-mails a').first().waitFor();
  await dark.locator('live-health.is-live').waitFor();
  await dark.screenshot({ path: join(FOLDER, 'task-done.png') });
});
