// Somebody with a telephone, in Spanish and far away, does all of it: fills in a form with mistakes, mends them, starts,
// looks into a step, answers, and reads the result.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { hindrances } from '../kit/axe.js';
import { launch, open, shownTask, state } from '../kit/browser.js';
import { Server } from '../kit/server.js';

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Nothing hinders, nothing is wider than the screen, in what is shown now. */
async function isEasy(page, where) {
  assert.deepEqual(await hindrances(page), [], where);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where}: nothing is wider than the screen`);
}

// Goal: times are entered and read in one's own zone, and mails are asked for in one's own language.
test('a form with mistakes, in another time zone', async () => {
  const page = await open(browser, `${server.url}/#/flows/form_flow`, { narrow: true, language: 'es-ES', timeZone: 'Asia/Kolkata' });
  await page.getByLabel('Name', { exact: true }).fill('A');
  await page.getByLabel('Guests').fill('99');
  await page.getByLabel(/^Moment/).fill('2026-12-24T18:30:15');
  await page.getByRole('button', { name: 'Añadir a Stops' }).click();
  await page.getByRole('button', { name: 'Iniciar', exact: true }).click();
  await page.getByText('Debe ser como máximo 12.').waitFor();
  await isEasy(page, 'with mistakes');
  await page.getByRole('button', { name: 'Quitar el elemento 1' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Ada');
  await page.getByLabel('Guests').fill('4');
  await page.getByLabel('Street').first().fill('Rua 1');
  await page.getByLabel('Postcode').first().fill('12345');
  const started = page.waitForRequest('**/start-task');
  await page.getByRole('button', { name: 'Iniciar', exact: true }).click();
  assert.equal((await started).postDataJSON().locale, 'es');
  await state(page, 'Terminada');
  const { input, created_at: created } = await server.task(await shownTask(page));
  assert.equal(input.moment, '2026-12-24T13:00:15.000Z');
  const here = new Intl.DateTimeFormat('es', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'Asia/Kolkata' }).format(new Date(created));
  await page.locator('.facts').getByText(here, { exact: true }).first().waitFor();
  await isEasy(page, 'its end');
  assert.deepEqual(page.mistakes, []);
});

// Goal: what is opened, asked and confirmed on the way is as easy as what is at rest.
test('the tour on a telephone', async () => {
  const page = await open(browser, `${server.url}/#/flows/tour_flow`, { narrow: true, dark: true, language: 'es-ES' });
  await page.getByLabel('Rest seconds').fill('0');
  await page.getByRole('button', { name: 'Iniciar', exact: true }).click();
  await state(page, 'En espera');
  await page.getByRole('option', { name: /Get a ticket/ }).click();
  await page.locator('step-detail').getByText('Got one at attempt 3').waitFor();
  await isEasy(page, 'a step that is open');
  await page.getByRole('button', { name: 'Cancelar', exact: true }).click();
  await isEasy(page, 'asked whether really');
  await page.getByRole('button', { name: 'Aprobar' }).click();
  await state(page, 'Terminada');
  await page.locator('task-outcome').getByText('Until soon, Ada').waitFor();
  await page.getByRole('tab', { name: 'Registro' }).click();
  await page.locator('.log-row:visible').first().click();
  await page.locator('.log-open pre').waitFor();
  await isEasy(page, 'its log');
  assert.deepEqual(page.mistakes, []);
});
