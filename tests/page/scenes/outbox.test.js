// The outbox: what became of each mail, the mail itself, those of one task; and mails that would run something.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { heading, launch, open, state } from '../kit/browser.js';
import { isUnharmed } from '../kit/harm.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

const SCRIPT = "<script>window.hacked='script'; parent.hacked='script'; top.hacked='script'</script>";
const HOSTILE = `<!doctype html><html lang="en"><head><title>x</title><meta http-equiv="refresh" content="0;url=javascript:parent.hacked='refresh'">${SCRIPT}</head>
<body onload="parent.hacked='load'">${SCRIPT}<p>What it really says.</p><img src="x" onerror="parent.hacked='image'">
<a id="bait" href="javascript:parent.hacked='address'" target="_top">Press here</a>
<a id="away" href="https://away.invalid/" target="_top">Or here</a>
<form action="javascript:parent.hacked='form'"><button id="send">Send</button></form><svg onload="parent.hacked='drawing'"></svg></body></html>`;

let server;
let browser;
let templates;
let hook;
let isHookUp = false;
before(async () => {
  templates = await mkdtemp(join(tmpdir(), 'caudal-mails-'));
  await mkdir(join(templates, 'hostile/en'), { recursive: true });
  const files = { 'sample.json': '[{}]', 'en/subject.txt': "<img src=x onerror=window.hacked='subject'>", 'en/body.txt': `${SCRIPT} in words`, 'en/body.html': HOSTILE };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(templates, 'hostile', name), content)));
  hook = createServer((request, answer) => {
    request.resume();
    answer.writeHead(isHookUp ? 200 : 410).end();
  });
  await new Promise((resolve) => { hook.listen(0, '127.0.0.1', resolve); });
  const settings = { CAUDAL_MAIL_TEMPLATES: templates, CAUDAL_WEBHOOK_ALLOW_PRIVATE: '1', CAUDAL_MAILS_PER_HOUR_PER_ADDRESS: '3' };
  [server, browser] = await Promise.all([Server.start(settings), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  hook?.close();
  await rm(templates, { recursive: true, force: true });
});

const rows = (page) => page.locator('.task-list > li');

/** Waits until there is a notification to this address in this state; answers it. */
function notification(to, wanted) {
  return until(async () => (await server.get(`/notifications?to=${encodeURIComponent(to)}`)).items.find((one) => one.state === wanted), `one to ${to} is ${wanted}`);
}

// Goal: from a task to the mail that it caused, as its reader sees it and as it is; and back.
test('a mail of a task', async () => {
  const id = await server.begin('tour_flow', { rest_seconds: 0, ask: false }, { notify: { email: ['ada@example.org'], on: ['success'] } });
  const page = await open(browser, `${server.url}/#/tasks/${id}`);
  await state(page, 'Succeeded');
  await page.locator('task-mails').getByRole('link', { name: 'Take the tour is finished' }).click();
  await heading(page, 'Take the tour is finished');
  await page.locator('.mail-state').getByText('Sent').waitFor();
  await page.frameLocator('.mail-frame').getByText('we have seen Lisbon', { exact: false }).waitFor();
  await page.getByRole('tab', { name: 'Text' }).click();
  await page.locator('.data-raw:visible').getByText('See the task:', { exact: false }).waitFor();
  await page.getByRole('tab', { name: 'Headers' }).click();
  const headers = await page.locator('.mail-headers').textContent();
  for (const part of ['ada@example.org', 'Auto-Submitted', id]) assert.ok(headers.includes(part), part);
  await page.getByRole('tab', { name: 'Source' }).click();
  await page.locator('.data-raw:visible').getByText('<!DOCTYPE html>', { exact: false }).waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  assert.match((await download).suggestedFilename(), /\.eml$/);
  await page.getByRole('link', { name: id.slice(-6) }).click();
  await state(page, 'Succeeded');
  assert.deepEqual(page.mistakes, []);
});

// Goal: what was not sent says why; it is found by filters that stand in the URL, and sent again from here.
test('what was not sent', async () => {
  const url = `http://127.0.0.1:${hook.address().port}/hook`;
  const id = await server.begin('bench_flow', { steps: 1 }, { notify: { webhook: url, on: ['success'] } });
  await server.reaches(id, 'SUCCESS');
  await notification(url, 'failed');
  for (let count = 0; count < 4; count += 1) await server.post('/notifications', { to: 'bob@example.org', template: 'plain', context: { subject: `Letter ${count}`, text: 'Rain.' } });
  await notification('bob@example.org', 'suppressed');

  const page = await open(browser, `${server.url}/#/outbox`);
  await page.getByLabel('State').selectOption('Suppressed');
  await until(async () => (await rows(page).count()) === 1, 'one was suppressed');
  await page.getByRole('searchbox', { name: 'Whole address' }).fill('nobody@example.org');
  await page.getByText('Nothing matches.').waitFor();
  await page.getByRole('searchbox', { name: 'Whole address' }).fill('');
  await page.getByLabel('State').selectOption('All states');
  await page.getByLabel('Kind').selectOption('Webhook');
  await until(async () => (await rows(page).count()) === 1, 'there is one webhook call');
  assert.match(page.url(), /channel=webhook/);

  await rows(page).first().getByRole('link').click();
  await heading(page, 'Webhook');
  await page.getByText('Why it was not sent').waitFor();
  await page.getByText(/410/).first().waitFor();
  await page.locator('data-view').getByText('task.succeeded').first().waitFor();
  isHookUp = true;
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.locator('.mail-state').getByText('Sent').waitFor();
  await page.getByText('Why it was not sent').waitFor({ state: 'detached' });
  assert.deepEqual(page.mistakes, []);
});

// Goal: whoever opens the link in a mail is asked, presses one button without a login, and gets no more.
test('no more mail', async () => {
  const to = 'eva@example.org';
  await server.post('/notifications', { to, template: 'plain', context: { subject: 'One', text: 'Rain.' } });
  const { notification_id: id } = await notification(to, 'sent');
  const { mail } = await server.get(`/notifications/${id}`);
  const [, link] = mail.headers.find(([name]) => name === 'List-Unsubscribe');
  const page = await open(browser, link.slice(1, -1));
  await heading(page, 'Send no more mail to this address?');
  await page.getByText(to).waitFor();
  assert.deepEqual((await server.get('/suppressions')).items, [], 'looking changes nothing');
  await page.getByRole('button', { name: 'Unsubscribe' }).click();
  await heading(page, 'This address gets no more mail from here.');
  assert.equal((await server.get('/suppressions')).items[0].address, to);
  await server.post('/notifications', { to, template: 'plain', context: { subject: 'Two', text: 'Rain.' } });
  await notification(to, 'suppressed');
  assert.deepEqual(page.mistakes, []);
});

for (const bypassPolicy of [false, true]) {
  // Goal: a mail that is full of scripts shows its words and runs nothing, wherever it is looked at.
  test(`a hostile mail, ${bypassPolicy ? 'without the policy' : 'with the policy'}`, async () => {
    const to = `${bypassPolicy ? 'c' : 'd'}@example.org`;
    await server.post('/notifications', { to, template: 'hostile' });
    const { notification_id: id } = await notification(to, 'sent');
    const page = await open(browser, `${server.url}/#/outbox?to=${to}`, { bypassPolicy });
    await rows(page).first().waitFor();
    await isUnharmed(page, 'the list');
    await rows(page).first().getByRole('link').click();
    const frame = page.frameLocator('.mail-frame');
    await frame.getByText('What it really says.').waitFor();
    for (const bait of ['#bait', '#away', '#send']) await frame.locator(bait).click({ noWaitAfter: true });
    await isUnharmed(page, 'the mail');
    assert.ok(page.url().includes(id), 'nothing led away');
    for (const name of ['Text', 'Headers', 'Source']) {
      await page.getByRole('tab', { name }).click();
      await isUnharmed(page, name);
    }
    await page.locator('.data-raw:visible').getByText("parent.hacked='image'", { exact: false }).waitFor();

    // Opened by itself it is as harmless: the answer says so.
    const alone = await open(browser, `${server.url}/notifications/${id}/html`, { bypassPolicy: false });
    await alone.getByText('What it really says.').waitFor();
    assert.equal(await alone.evaluate(() => window.hacked), undefined);
    await page.context().close();
  });
}
