// Debian's own Chromium, and pages in it that fail the test when a script of theirs fails.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CAUDAL_TEST_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 360, height: 780 };

export function launch() {
  // Tests run as root in containers, where Chromium's own sandbox cannot be made.
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-precise-memory-info'] });
}

/**
 * A new page with a profile of its own. `mistakes` collects what its scripts did wrong and what the policy refused.
 * @param options `{ dark, narrow, language, timeZone, bypassPolicy }`
 */
export async function open(browser, url, { dark = false, narrow = false, language = 'en-GB', timeZone, bypassPolicy = false } = {}) {
  const context = await browser.newContext({
    viewport: narrow ? NARROW : WIDE, colorScheme: dark ? 'dark' : 'light', locale: language, timezoneId: timeZone, bypassCSP: bypassPolicy, reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.mistakes = [];
  page.on('pageerror', (error) => page.mistakes.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    // A server that is away for a while is no mistake of the page.
    if (message.type() === 'error' && !/ERR_|Failed to load resource/.test(message.text())) page.mistakes.push(message.text());
  });
  await page.goto(url);
  return page;
}

/** The address of a module of the page, for a script in it that imports it. */
export function moduleAt(page, name) {
  return page.evaluate((path) => document.querySelector('script[type=module]').src.replace('app.js', path), name);
}

/** The heading of the view that is shown. */
export function heading(page, name) {
  return page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Waits until the task that is shown has this state. */
export function state(page, name) {
  return page.locator('task-head state-badge').filter({ hasText: name }).waitFor();
}

/** The id of the task that is shown, once one is. */
export async function shownTask(page) {
  await page.waitForURL(/#\/tasks\/[0-9a-f]/);
  return new URL(page.url()).hash.match(/tasks\/([0-9a-f-]+)/)[1];
}
