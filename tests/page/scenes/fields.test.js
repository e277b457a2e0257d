// Fields hold what they are given: nothing is changed that nobody has touched, no digit is lost, and what the server finds
// wrong is shown where it is, whatever was added, emptied and removed before.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, moduleAt, open, shownTask, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Shows a form of a schema with a value, given as JSON so that no digit is lost on the way. */
async function mount(page, schema, json) {
  await page.evaluate(async ([form, exact, of, value]) => {
    await import(form);
    const { parseJson } = await import(exact);
    window.form = document.createElement('schema-form');
    document.querySelector('main').replaceChildren(window.form);
    window.form.setSchema(of, value === null ? undefined : parseJson(value));
  }, [await moduleAt(page, 'elements/schema-form.js'), await moduleAt(page, 'exact.js'), schema, json]);
}

/** What the form would send, as JSON; undefined when it finds a mistake by itself. */
const sent = (page) => page.evaluate(() => JSON.stringify(window.form.read()));

const ADDRESS = { type: 'object', properties: { street: { type: 'string' }, postcode: { type: 'string' } }, required: ['street', 'postcode'], additionalProperties: false };
const SCHEMA = {
  type: 'object',
  $defs: { Address: ADDRESS },
  properties: {
    big: { type: 'integer' },
    bigs: { type: 'array', items: { type: 'integer' } },
    moment: { type: 'string', format: 'date-time' },
    time: { type: 'string', format: 'time' },
    lines: { type: 'string' },
    windows: { type: 'string', format: 'textarea' },
    one_or_many: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    number_or_text: { anyOf: [{ type: 'integer' }, { type: 'string' }, { type: 'boolean' }] },
    by_name: { oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: { type: 'number' } }] },
    tagged: { oneOf: [
      { type: 'object', properties: { by: { const: 'cash' } }, required: ['by'] },
      { type: 'object', properties: { by: { const: 'card' }, number: { type: 'string' } }, required: ['by', 'number'] },
    ] },
    size: { type: 'string', enum: ['small', 'large'] },
    count: { type: 'integer' },
    address: { anyOf: [{ $ref: '#/$defs/Address' }, { type: 'null' }] },
    open: { type: 'object', properties: { known: { type: 'string' } } },
    more: { type: 'object', properties: { known: { type: 'string' } }, additionalProperties: { type: 'integer' } },
    pair: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }] },
    nothing: { type: 'null' },
  },
};
const VALUE = `{
  "big": 9007199254740993, "bigs": [18446744073709551615, 1, -9223372036854775808],
  "moment": "2026-12-24T18:30:15.123456+05:30", "time": "18:30:15+01:00",
  "lines": "one\\ntwo\\r\\nthree", "windows": "one\\r\\ntwo",
  "one_or_many": ["a", "b"], "number_or_text": true, "by_name": {"a": 1.5},
  "tagged": {"by": "card", "number": "4"}, "size": "huge", "count": "many", "address": {"street": "Rua 1", "postcode": "1"},
  "open": {"known": "x", "other": [1, {"deep": 12345678901234567890}]}, "more": {"known": "x", "a": 1, "b": 2},
  "pair": [1, "x", "and more"], "nothing": null, "unheard_of": {"by": "the schema"}
}`;

// Goal: what nobody has touched is sent as it was given, in the form, as JSON and back again.
test('nothing is changed by being shown', async () => {
  const page = await open(browser, server.url);
  // With its digits, and its names in one order.
  const sorted = (json) => page.evaluate((text) => {
    const order = (value) => {
      if (Array.isArray(value)) return value.map(order);
      if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
      return Object.fromEntries(Object.keys(value).sort().map((name) => [name, order(value[name])]));
    };
    return JSON.stringify(order(JSON.parse(text, (_, value, { source }) => (typeof value === 'number' ? JSON.rawJSON(source) : value))));
  }, json);
  await mount(page, SCHEMA, VALUE);
  assert.equal(await sorted(await sent(page)), await sorted(VALUE));
  await page.getByRole('tab', { name: 'JSON' }).click();
  assert.equal(await sorted(await page.getByLabel('The whole value as JSON').inputValue()), await sorted(VALUE));
  await page.getByRole('tab', { name: 'Form' }).click();
  assert.equal(await sorted(await sent(page)), await sorted(VALUE));
  assert.deepEqual(page.mistakes, []);
});

// Goal: digits that are typed arrive, beyond what a browser can count; so they do when the task is started again.
test('numbers keep their digits', async () => {
  const page = await open(browser, server.url);
  await mount(page, SCHEMA, null);
  await page.getByLabel('Big', { exact: false }).first().fill('9007199254740993');
  assert.match(await sent(page), /"big":9007199254740993[,}]/);
  const shown = await page.evaluate(async ([view, exact]) => {
    await import(view);
    const { parseJson } = await import(exact);
    const node = document.createElement('data-view');
    node.value = parseJson('{"id":12345678901234567890,"rows":[{"a":12345678901234567891},{"a":2}],"nested":{"b":{"c":{"d":12345678901234567892}}}}');
    document.querySelector('main').replaceChildren(node);
    // What is inside is built when its lid has been opened, which is told a moment later.
    const isDeepest = () => ['12345678901234567891', '12345678901234567892'].every((digits) => node.textContent.includes(digits));
    for (let looks = 0; looks < 600 && !isDeepest(); looks += 1) {
      node.querySelectorAll('details').forEach((one) => { one.open = true; });
      await new Promise(requestAnimationFrame);
    }
    return node.textContent;
  }, [await moduleAt(page, 'elements/data-view.js'), await moduleAt(page, 'exact.js')]);
  for (const digits of ['12345678901234567890', '12345678901234567891', '12345678901234567892']) assert.ok(shown.includes(digits), `${digits} in ${shown}`);
  assert.deepEqual(page.mistakes, []);
});

// Goal: "not set" is said where a default would stand in its place, and not where there is none.
test('not set', async () => {
  const page = await open(browser, server.url);
  const optional = (type, more) => ({ type: [type, 'null'], ...more });
  await mount(page, { type: 'object', properties: {
    greeting: optional('string', { default: 'Hello' }), count: optional('integer', { default: 3 }), loud: optional('boolean', { default: true }),
    size: { anyOf: [{ enum: ['small', 'large'] }, { type: 'null' }], default: 'large' },
    address: { anyOf: [ADDRESS, { type: 'null' }], default: { street: 'Rua 1', postcode: '12345' } },
    free: optional('string', { default: null }),
  } }, null);
  assert.deepEqual(JSON.parse(await sent(page)), { greeting: 'Hello', count: 3, loud: true, size: 'large', address: { street: 'Rua 1', postcode: '12345' } });
  await page.getByLabel('Greeting').fill('');
  await page.getByLabel('Count').fill('');
  await page.getByLabel('Loud').selectOption('Not set');
  await page.getByLabel('Size').selectOption('Not set');
  await page.getByRole('switch', { name: 'Address' }).uncheck();
  assert.deepEqual(JSON.parse(await sent(page)), { greeting: null, count: null, loud: null, size: null, address: null });
});

// Goal: names that are free may stand beside those that are known; one without a name, or there twice, is not sent silently.
test('free names', async () => {
  const page = await open(browser, server.url);
  await mount(page, SCHEMA, '{"more": {"known": "x"}}');
  const group = page.getByRole('group', { name: /^More/ }).last();
  await group.getByRole('button', { name: 'Add to More' }).click();
  await group.getByRole('spinbutton', { name: 'Value' }).fill('5');
  assert.equal(await sent(page), undefined);
  await group.getByText('This needs a name.').waitFor();
  await group.getByRole('textbox', { name: 'Name' }).fill('a/b~c');
  assert.deepEqual(JSON.parse(await sent(page)).more, { known: 'x', 'a/b~c': 5 });
  await page.evaluate(() => window.form.showErrors([{ path: '/more/a~1b~0c', message: 'this one' }]));
  await group.locator('.row.is-entry').getByText('this one').waitFor();
  await group.getByRole('button', { name: 'Add to More' }).click();
  await group.getByRole('textbox', { name: 'Name' }).last().fill('a/b~c');
  assert.equal(await sent(page), undefined);
  await group.getByText('The name “a/b~c” is there twice.').waitFor();
});

// Goal: a schema that contains itself makes a form that ends.
test('a schema that contains itself', async () => {
  const page = await open(browser, server.url);
  const not = { type: 'object', properties: { not: { $ref: '#/$defs/Rule' } }, required: ['not'], additionalProperties: false };
  await mount(page, { type: 'object', $defs: { Rule: { oneOf: [not, { type: 'string' }] } }, properties: { rule: { $ref: '#/$defs/Rule' } }, required: ['rule'] }, '{"rule": {"not": {"not": "rain"}}}');
  assert.deepEqual(JSON.parse(await sent(page)), { rule: { not: { not: 'rain' } } });
  assert.deepEqual(page.mistakes, []);
});

// Goal: what the server finds wrong is shown at its item, also when items before it were removed or left empty, and inside
// what may be absent or have one of several forms.
test('mistakes at their items', async () => {
  const page = await open(browser, `${server.url}/#/flows/form_flow`);
  await page.getByLabel('Name', { exact: true }).fill('Ada');
  await page.getByLabel('Guests').fill('3');
  await page.getByLabel('Street').first().fill('Rua 1');
  await page.getByLabel('Postcode').first().fill('12345');
  const stops = page.getByRole('group', { name: /^Stops/ });
  for (const [at, place] of ['Faro', 'Lagos', 'Braga'].entries()) {
    await stops.getByRole('button', { name: 'Add to Stops' }).click();
    await stops.getByLabel('Place').nth(at).fill(place);
  }
  await stops.getByRole('button', { name: 'Remove item 1' }).click();
  await stops.getByLabel(/^Nights/).nth(1).fill('300');
  const second = page.locator('.optional', { has: page.getByRole('switch', { name: 'Second address' }) });
  await second.getByRole('switch').check();
  await second.getByLabel('Street').fill('Rua 2');
  await second.getByLabel('Postcode').fill('12');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await second.locator('.field', { has: page.getByLabel('Postcode') }).getByText('It does not have the expected form').last().waitFor();
  const wrong = stops.locator('.row .field.is-wrong', { has: page.getByRole('spinbutton') });
  await wrong.getByText('It must be at most 255.').waitFor();
  assert.equal(await wrong.count(), 1);
  assert.equal(await stops.locator('.row').nth(1).locator('.is-wrong input').count() > 0, true, 'it is the item of Braga');
  assert.equal(await stops.locator('.row').nth(0).locator('.is-wrong').count(), 0);

  await stops.getByLabel(/^Nights/).nth(1).fill('3');
  await second.getByLabel('Postcode').fill('12345');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await state(page, 'Succeeded');
  const { input } = await server.task(await shownTask(page));
  assert.deepEqual([input.stops, input.second_address], [[{ place: 'Lagos', nights: 0 }, { place: 'Braga', nights: 3 }], { street: 'Rua 2', postcode: '12345' }]);

  // Items that are left empty are not sent, and the server counts without them.
  await mount(page, { type: 'object', properties: { numbers: { type: 'array', items: { type: 'integer' } } } }, '{"numbers": [1, 2, 3]}');
  await page.getByRole('spinbutton').first().fill('');
  assert.equal(await sent(page), '{"numbers":[2,3]}');
  await page.evaluate(() => window.form.showErrors([{ path: '/numbers/1', message: 'this one' }]));
  await page.locator('.row').nth(2).getByText('this one').waitFor();
  assert.deepEqual(page.mistakes, []);
});
