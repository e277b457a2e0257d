// What others say is shown as what it is, and nothing of it runs: with the server's policy, and also without it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, open, state } from '../kit/browser.js';
import { isUnharmed } from '../kit/harm.js';
import { Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const bypassPolicy of [false, true]) {
  const how = bypassPolicy ? 'without the policy' : 'with the policy';

  // Goal: a hostile task's every word is on the page, and none of them did anything.
  test(`a hostile task, ${how}`, async () => {
    const id = await server.begin('hostile_flow', { ask: true }, { tags: ['<img src=x onerror="window.hacked=1">'] });
    await server.reaches(id, 'WAITING');
    const page = await open(browser, `${server.url}/#/tasks/${id}`, { bypassPolicy });
    const dialogs = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      dialog.dismiss();
    });
    await page.getByRole('heading', { name: /Is that all right\?/ }).waitFor();
    await page.locator('activity-list').getByText("<script>window.hacked='script'</script>", { exact: false }).first().waitFor();
    await page.locator('live-texts').getByText('a good one').waitFor();
    assert.equal(await page.getByRole('link', { name: 'a good one' }).getAttribute('href'), 'https://example.org/?q=%22%3E');
    await isUnharmed(page, 'while it asks');
    for (const option of await page.getByRole('option').all()) {
      await option.click();
      await page.locator('step-detail').getByRole('heading', { level: 2 }).waitFor();
      await isUnharmed(page, 'a step in full');
      await option.click();
    }
    const turns = await page.getByRole('button', { name: /^(JSON|Source)$/ }).all();
    assert.ok(turns.length > 0, 'there is something to turn');
    for (const turn of turns) await turn.click({ force: true });
    // Twice: what is closed is not made before it is opened.
    for (let time = 0; time < 2; time += 1) await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    await isUnharmed(page, 'opened');
    await page.getByRole('button', { name: 'Approve' }).click();
    await state(page, 'Succeeded');
    await isUnharmed(page, 'its result');
    await page.getByRole('tab', { name: 'Log' }).click();
    await page.locator('.log-row').first().waitFor();
    for (let at = 0; at < 12; at += 1) {
      await page.locator('.log-rows').press('ArrowDown');
    }
    await isUnharmed(page, 'its log');
    assert.deepEqual(dialogs, []);
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
  });

  // Goal: the same in the lists, the catalogue and the form, where title, summary and description are hostile.
  test(`hostile lists and forms, ${how}`, async () => {
    const failed = await server.begin('hostile_flow', { fail: true });
    await server.reaches(failed, 'FAILURE');
    const page = await open(browser, `${server.url}/#/?q=hostile`, { bypassPolicy });
    await page.getByText("Says <script>window.hacked='summary'</script>", { exact: false }).waitFor();
    await isUnharmed(page, 'the catalogue');
    await page.goto(`${server.url}/#/flows/hostile_flow`);
    await page.getByText("<b onclick=\"window.hacked='title'\">Payload</b>").waitFor();
    for (const tab of ['From elsewhere', 'Schema']) {
      await page.getByRole('tab', { name: tab }).click();
      await isUnharmed(page, tab);
    }
    await page.goto(`${server.url}/#/tasks?q=hostile`);
    await until(async () => (await page.locator('.task-list > li').count()) > 0, 'the list has it');
    await isUnharmed(page, 'the list');
    await page.goto(`${server.url}/#/tasks/${failed}`);
    await state(page, 'Failed');
    await isUnharmed(page, 'its failure');
    await page.goto(`${server.url}/#/overview`);
    await page.getByRole('heading', { name: 'Workers' }).waitFor();
    await isUnharmed(page, 'the overview');
    await page.goto(`${server.url}/#/flows/%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E`);
    await page.getByText('There is no flow named', { exact: false }).waitFor();
    await isUnharmed(page, 'a hostile address');
    await page.context().close();
  });
}

// Goal: even a script that got into the page could not make code out of text.
test('the policy', async () => {
  const page = await open(browser, server.url);
  const answer = await fetch(server.url);
  const policy = answer.headers.get('content-security-policy');
  assert.ok(!policy.includes('unsafe'), policy);
  for (const part of ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), part);
  }
  const refused = await page.evaluate(() => {
    const tries = [() => { document.body.innerHTML = '<b>x</b>'; }, () => document.write('x'), () => { document.createElement('iframe').srcdoc = '<b>x</b>'; }];
    return tries.map((one) => {
      try {
        one();
        return 'done';
      } catch {
        return 'refused';
      }
    });
  });
  assert.deepEqual(refused, ['refused', 'refused', 'refused']);
});
