// How much a first visit costs: bytes over the wire, and the time until one can do something.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../kit/browser.js';
import { Server } from '../kit/server.js';

const MOST_BYTES = 140_000;
const MOST_MS = 500;
const VISITS = 5;

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A visit by a browser that has never been here; or by one that has. */
async function visit(context) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  const loaded = { bytes: 0, files: 0, listings: 0 };
  page.on('request', (request) => { loaded.listings += new URL(request.url()).pathname === '/flows' ? 1 : 0; });
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    loaded.bytes += encodedDataLength;
    loaded.files += encodedDataLength > 0 ? 1 : 0;
  });
  await page.goto(server.url, { waitUntil: 'commit' });
  // Something can be done when the flows are there to be clicked.
  const { ms, needed } = await page.evaluate(() => new Promise((resolve) => {
    const look = () => {
      if (!document.querySelector('.flow-card a')) return requestAnimationFrame(look);
      const sizes = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind)).map((entry) => entry.transferSize);
      return resolve({ ms: performance.now(), needed: sizes.reduce((sum, size) => sum + size, 0) });
    };
    look();
  }));
  await page.getByRole('link', { name: 'Count words', exact: true }).waitFor();
  // Later they are read again, as they change.
  const { listings } = loaded;
  // What is fetched ahead: the form of a flow and the view of a task. (The live connection never ends.)
  const ahead = await page.evaluate(() => document.querySelector('script[type=module]').src.replace('app.js', 'views/task.js'));
  await page.waitForFunction((url) => performance.getEntriesByName(url).length > 0, ahead);
  await page.evaluate(async (url) => { await import(url); }, ahead);
  await page.close();
  return { ...loaded, listings, ms, needed };
}

// Goal: the page is light, with what it fetches ahead too, and quick to be of use, also the first time.
test('a first visit', async (t) => {
  await visit(await browser.newContext());
  const visits = [];
  for (let count = 0; count < VISITS; count += 1) {
    const context = await browser.newContext();
    visits.push({ first: await visit(context), again: await visit(context) });
    await context.close();
  }
  const best = (of) => Math.min(...visits.map((one) => one[of].ms)).toFixed(0);
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
  const { first, again } = visits[0];
  t.diagnostic(`${kilobytes(first.needed)} kB until it is of use, after ${best('first')} ms; with what it fetches ahead ${first.files} files, ${kilobytes(first.bytes)} kB`);
  t.diagnostic(`the next time ${kilobytes(again.bytes)} kB and ${best('again')} ms`);
  assert.equal(first.listings, 1, 'the flows are read once');
  assert.ok(first.bytes > 0 && first.bytes <= MOST_BYTES, `${first.bytes} bytes`);
  // A development build reads and packs its files anew each time, and other work makes a machine slow: how quick it is
  // is asked of a release build, alone.
  if (process.env.CAUDAL_TEST_QUICK) assert.ok(best('first') <= MOST_MS, `${best('first')} ms`);
});

// Goal: what a browser has it does not ask for again, a new version is seen at once, and the two are never mixed.
test('kept for good', async () => {
  const page = await (await fetch(server.url)).text();
  const module = /<script type="module" src="([^"]+)"/.exec(page)[1];
  const answer = await fetch(server.url + module, { headers: { 'Accept-Encoding': 'gzip' } });
  assert.match(answer.headers.get('cache-control'), /immutable/);
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  assert.ok(answer.headers.get('etag'));
  // A page of another version gets nothing of this one's: see `steady`, which tries what it does then.
  const stale = await fetch(server.url + module.replace(/@[^/]+/, '@another'));
  assert.deepEqual([stale.status, stale.headers.get('cache-control')], [404, 'no-store']);
  const styles = /<link rel="stylesheet" href="([^"]+)"/.exec(page)[1];
  const style = await (await fetch(server.url + styles)).text();
  assert.ok(!/^@import/m.test(style) && style.includes('.timeline') && style.includes('--ink'), 'one file has all styles');
  assert.equal((await fetch(server.url)).headers.get('cache-control'), 'no-cache');
});
