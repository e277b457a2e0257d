// What a page looks like that nothing hostile got into.

import assert from 'node:assert/strict';

/** Nothing ran, nothing was made that could run, no address leads anywhere but to the web. */
export async function isUnharmed(page, where) {
  const found = await page.evaluate(() => {
    const risky = [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes]
      .filter(({ name }) => name.startsWith('on')).map(({ name }) => `${element.localName}[${name}]`));
    const links = [...document.querySelectorAll('[href], [src], [action]')].map((element) => element.href || element.src || element.action)
      .filter((address) => !/^(https?:|mailto:)/.test(String(address.baseVal ?? address)));
    const own = (element) => element.src.startsWith(`${location.origin}/static/`);
    const scripts = [...document.scripts].filter((script) => !own(script)).map((script) => script.outerHTML);
    const images = [...document.images].map((image) => image.outerHTML);
    // A frame of somebody else's markup may do nothing at all.
    const frames = [...document.querySelectorAll('iframe')].filter((frame) => frame.getAttribute('sandbox') !== '').map((frame) => frame.outerHTML);
    return { hacked: window.hacked ?? null, risky, links, scripts, images, frames };
  });
  assert.deepEqual(found, { hacked: null, risky: [], links: [], scripts: [], images: [], frames: [] }, where);
}
