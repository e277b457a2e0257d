// Forms that are made from a schema: every kind of field, the JSON beside it, drafts and earlier inputs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { heading, launch, moduleAt, open, shownTask, state } from '../kit/browser.js';
import { binary, Server } from '../kit/server.js';
import { until } from '../kit/until.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The binary under the name that people know. */
async function folderWithCaudal() {
  const folder = await mkdtemp(join(tmpdir(), 'caudal-path-'));
  await symlink(binary(), join(folder, 'caudal'));
  return folder;
}

// Goal: whatever the schema asks for can be entered, and arrives as the schema wants it.
test('every kind of field', async () => {
  const page = await open(browser, `${server.url}/#/flows/form_flow`);
  const field = (name) => page.getByLabel(name, { exact: true });
  await field('Name').fill('Ada');
  await field('Guests').fill('4');
  await page.getByLabel('Street').first().fill('Rua 1');
  await page.getByLabel('Postcode').first().fill('12345');
  await page.getByLabel(/^Letter/).fill('Dear all,\nwelcome.');
  await page.getByLabel(/^Share/).fill('0.25');
  await page.getByLabel(/^By post/).check();
  await page.getByLabel(/^Vegetarian/).selectOption('Yes');
  await page.getByText('Large', { exact: true }).first().click();
  await page.getByLabel(/^Spare size/).selectOption('Small');
  await page.getByLabel(/^Day/).fill('2026-12-24');
  await page.getByLabel(/^Moment/).fill('2026-12-24T18:30:15');
  await page.getByRole('button', { name: 'Add to Labels' }).click();
  await page.getByRole('textbox', { name: 'Item 1' }).fill('family');
  await page.getByRole('button', { name: 'Add to Stops' }).click();
  await page.getByLabel('Place').fill('Faro');
  await page.getByLabel(/^Nights/).fill('2');
  await page.getByRole('button', { name: 'Add to Weights' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).last().fill('bag');
  await page.getByRole('spinbutton', { name: 'Value' }).fill('7.5');
  await page.getByLabel('Payment: Kind').selectOption('Transfer');
  await page.getByLabel('Account').fill('PT50');
  await page.getByLabel(/^Password/).fill('hidden-word');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await state(page, 'Succeeded');
  const task = await server.task(await shownTask(page));
  const { moment, ...input } = task.input;
  assert.equal(new Date(moment).getTime(), new Date('2026-12-24T18:30:15').getTime());
  assert.deepEqual(input, {
    name: 'Ada', letter: 'Dear all,\nwelcome.', guests: 4, share: 0.25, by_post: true, vegetarian: true, size: 'large', spare_size: 'small', day: '2026-12-24',
    labels: ['family'], address: { street: 'Rua 1', postcode: '12345' }, stops: [{ place: 'Faro', nights: 2 }],
    weights: { bag: 7.5 }, payment: { by: 'transfer', account: 'PT50' }, password: '***',
  });
  assert.ok(!(await page.content()).includes('hidden-word'), 'the secret is nowhere');
  assert.deepEqual(page.mistakes, []);
});

// Goal: the JSON beside the form is the same value, there and back; what is no JSON is said to be none.
test('form and JSON', async () => {
  const page = await open(browser, `${server.url}/#/flows/tour_flow`);
  await page.getByLabel('Traveller').fill('Mary');
  await page.getByRole('tab', { name: 'JSON' }).click();
  const json = page.getByLabel('The whole value as JSON');
  const value = JSON.parse(await json.inputValue());
  assert.equal(value.traveller, 'Mary');
  await json.fill('{ "traveller": ');
  await page.getByRole('tab', { name: 'Form' }).click();
  await page.getByText(/This is not JSON/).waitFor();
  await json.fill(JSON.stringify({ ...value, traveller: 'Jane', places: ['Faro'] }));
  await page.getByRole('tab', { name: 'Form' }).click();
  assert.equal(await page.getByLabel('Traveller').inputValue(), 'Jane');
  assert.equal(await page.getByRole('textbox', { name: 'Item 1' }).inputValue(), 'Faro');
  // How to start it elsewhere is filled in with that.
  await page.getByRole('tab', { name: 'From elsewhere' }).click();
  const recipes = await page.locator('.recipes').textContent();
  for (const part of ['curl -H', '"traveller":"Jane"', 'new EventSource', 'caudal start tour_flow --follow']) assert.ok(recipes.includes(part), part);
  assert.deepEqual(page.mistakes, []);
});

// Goal: how to start it elsewhere is not only shown: pasted as it stands, it starts the task that the form would.
test('recipes that work', async () => {
  const page = await open(browser, `${server.url}/#/flows/count_words_flow`);
  await page.getByLabel('Text').fill("it's one \"word\" & two");
  await page.getByRole('tab', { name: 'From elsewhere' }).click();
  const code = (name) => page.locator('.recipe').filter({ has: page.getByRole('heading', { name, exact: true }) }).locator('pre').textContent();
  const env = { ...process.env, PATH: `${await folderWithCaudal()}:${process.env.PATH}` };
  const run = (command) => execFileSync('sh', ['-c', command], { env, encoding: 'utf8' });
  const { task_id: id } = JSON.parse(run(`${await code('curl')} --silent`));
  assert.equal((await server.reaches(id, 'SUCCESS')).input.text, "it's one \"word\" & two");
  assert.match(run(await code('Command line')), /Count words|SUCCESS|one/);
  const before = (await server.get('/tasks?flow=count_words_flow')).items.length;
  await page.evaluate(`(async () => {\n${await code('JavaScript')}\n})()`);
  await until(async () => (await server.get('/tasks?flow=count_words_flow')).items.length === before + 1, 'the script has started one, too');
  const inputs = await Promise.all((await server.get('/tasks?flow=count_words_flow')).items.map(async (item) => (await server.task(item.task_id)).input.text));
  assert.deepEqual([...new Set(inputs)], ["it's one \"word\" & two"]);
});

// Goal: what was typed survives a reload, and what was sent before is offered again, from any browser.
test('drafts and earlier inputs', async () => {
  const page = await open(browser, `${server.url}/#/flows/count_words_flow`);
  await page.getByLabel('Text').fill('half a sent');
  await page.waitForFunction(() => (sessionStorage.getItem('draft count_words_flow') ?? '').includes('half a sent'));
  await page.reload();
  await heading(page, 'Count words');
  assert.equal(await page.getByLabel('Text').inputValue(), 'half a sent');
  await page.getByLabel('Text').fill('a whole sentence that was sent');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await state(page, 'Succeeded');
  const other = await open(browser, `${server.url}/#/flows/count_words_flow`);
  assert.equal(await other.getByLabel('Text').inputValue(), '');
  const earlier = other.getByLabel('Use earlier inputs…');
  await earlier.locator('option').nth(1).waitFor({ state: 'attached' });
  await earlier.selectOption({ index: 1 });
  assert.equal(await other.getByLabel('Text').inputValue(), 'a whole sentence that was sent');
  assert.deepEqual([...page.mistakes, ...other.mistakes], []);
});

// Goal: pressed twice, or after an answer that was lost, a start is one task.
test('a lost answer starts nothing twice', async () => {
  const page = await open(browser, `${server.url}/#/flows/bench_flow`);
  let isFirst = true;
  await page.route('**/start-task', async (route) => {
    if (!isFirst) return route.continue();
    isFirst = false;
    await route.fetch();
    return route.abort();
  });
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText('The server cannot be reached.').waitFor();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await state(page, 'Succeeded');
  const { items } = await server.get('/tasks?flow=bench_flow');
  assert.equal(items.length, 1);
});

// Goal: a draft holds no secret, however deep it stands in what may be absent, in lists, in variants.
test('no secret in a draft', async () => {
  const page = await open(browser, server.url);
  const secret = { type: 'string', writeOnly: true, format: 'password' };
  const login = { type: 'object', properties: { user: { type: 'string' }, password: secret } };
  const flow = {
    name: 'secretive_flow',
    input_schema: {
      type: 'object',
      $defs: { Login: login },
      properties: {
        login: { anyOf: [{ $ref: '#/$defs/Login' }, { type: 'null' }] },
        more: { type: 'array', items: { $ref: '#/$defs/Login' } },
        by_name: { type: 'object', additionalProperties: { anyOf: [{ $ref: '#/$defs/Login' }, { type: 'null' }] } },
        way: { oneOf: [{ type: 'object', properties: { by: { const: 'key' }, key: secret } }, { type: 'object', properties: { by: { const: 'none' } } }] },
        part: { allOf: [{ $ref: '#/$defs/Login' }] },
      },
    },
  };
  const one = { user: 'ada', password: 'hidden-word' };
  const kept = await page.evaluate(async ([module, of, value]) => {
    (await import(module)).keepDraft(of, value);
    return Object.values(sessionStorage).find((draft) => draft.includes('ada'));
  }, [await moduleAt(page, 'form/draft.js'), flow, { login: one, more: [one], by_name: { home: one }, way: { by: 'key', key: 'hidden-word' }, part: one }]);
  const left = { user: 'ada' };
  assert.deepEqual(JSON.parse(kept), { login: left, more: [left], by_name: { home: left }, way: { by: 'key' }, part: left });
});
