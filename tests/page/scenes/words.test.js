// What needs no browser: the two languages say the same things, and Markdown is read as people write it.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { modules, STATIC } from '../kit/modules.js';

/** Of the processor, for texts that would take minutes were they read again from each of their marks. */
const MOST_MICROSECONDS = 3_000_000;

const load = await modules();
const [{ safeAddress }, { blocksOf }, { inline }, { looksLikeMarkdown }, { en }, { es }] = await Promise.all(
  ['markdown/address.js', 'markdown/blocks.js', 'markdown/inline.js', 'markdown/render.js', 'words/en.js', 'words/es.js'].map(load),
);

function names(words, before = '') {
  return Object.entries(words).flatMap(([name, value]) => (value && typeof value === 'object' && !Array.isArray(value) ? names(value, `${before}${name}.`) : [`${before}${name}`]));
}

async function scripts() {
  const files = (await readdir(STATIC, { recursive: true })).filter((name) => name.endsWith('.js'));
  return Promise.all(files.map(async (name) => ({ name, text: await readFile(join(STATIC, name), 'utf8') })));
}

// Goal: whoever adds a word is told of the language that lacks it.
test('both languages have the same words', () => {
  assert.deepEqual(names(es), names(en));
  for (const [name, of] of [['en', en], ['es', es]]) {
    for (const one of names(of)) {
      const value = one.split('.').reduce((at, part) => at[part], of);
      const other = one.split('.').reduce((at, part) => at[part], en);
      if (Array.isArray(value)) continue;
      assert.equal(typeof value, typeof other, `${name}: ${one}`);
      if (typeof value === 'function') assert.equal(value.length, other.length, `${name}: ${one} takes as much`);
    }
  }
});

// Goal: a word that is used is there.
test('no word is missing', async () => {
  for (const { name, text } of await scripts()) {
    for (const [, path] of text.matchAll(/(?<![.\w])text\.(?!js\b)([a-z]\w*(?:\.[a-zA-Z]\w*)?)/g)) {
      const value = path.split('.').reduce((at, part) => at?.[part], en);
      // Some files have a text of their own by this name.
      if (!text.includes("from '../text.js'") && !text.includes("from './text.js'")) continue;
      assert.notEqual(value, undefined, `${name} uses text.${path}`);
    }
  }
});

// Goal: each refusal of which the page speaks is one that the server makes.
test('refusals', async () => {
  const reasons = await readFile(join(STATIC, '../web/src/api_error/mod.rs'), 'utf8');
  for (const [code] of es.error.byCode) assert.match(reasons, new RegExp(` \\d{3} "${code}" `), code);
});

// Goal: markup is never made of text, in any file.
test('no file makes markup', async () => {
  for (const { name, text } of await scripts()) {
    assert.doesNotMatch(text, /\.(innerHTML|outerHTML|srcdoc)\b|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    // Lists of words are not read from their beginning to their end.
    if (!name.startsWith('words/')) assert.ok(text.split('\n').length <= 400, `${name} is too long to be read`);
    assert.match(text, /^\/\//, `${name} begins with what it is`);
  }
});

// Goal: only what leads to the web, or to a mail, is a link.
test('addresses', () => {
  for (const good of ['https://example.org/a?b=c#d', 'http://example.org', 'mailto:a@example.org', 'HTTPS://EXAMPLE.ORG/']) assert.ok(safeAddress(good), good);
  for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\tscript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'vbscript:x', '//evil.example', '/path', 'https:evil', 'https://', 'file:///etc/passwd', 'blob:https://x/1', '\u0000javascript:x']) {
    assert.equal(safeAddress(bad), null, bad);
  }
});

// Goal: blocks are found as people mean them, and a text that grows changes only its end.
test('blocks of Markdown', () => {
  const text = '# Title\n\nOne\ntwo\n- a\n- b\n  - c\n\n2. x\n3. y\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> q\n\n```js\n# no title\n```\nend\n\n---\n';
  assert.deepEqual(blocksOf(text).map((block) => block.kind), ['heading', 'paragraph', 'list', 'list', 'table', 'quote', 'code', 'paragraph', 'rule']);
  const [, , list, ordered, table, , code] = blocksOf(text);
  assert.deepEqual(list.items, ['a', 'b\n- c']);
  assert.deepEqual([ordered.isOrdered, ordered.from, ordered.items.length], [true, 2, 2]);
  assert.deepEqual([table.head, table.aligns, table.rows], [['a', 'b'], ['start', 'end'], [['1', '2']]]);
  assert.deepEqual([code.language, code.code], ['js', '# no title']);
  for (let end = 1; end < text.length; end += 1) {
    const [before, after] = [blocksOf(text.slice(0, end)), blocksOf(text.slice(0, end + 1))];
    const settled = before.slice(0, -2).map((block) => block.source);
    assert.deepEqual(after.slice(0, settled.length).map((block) => block.source), settled, text.slice(0, end));
  }
});

// Goal: a text that is meant to take long does not.
test('Markdown in bounded time', () => {
  // All that is asked of it here.
  globalThis.document = { createElement: () => ({ setAttribute() {}, append() {} }) };
  const marks = ['*', '_', '**a ', '~~', '`', '``a ', '[', '[a](', '![', '![a](', '<https://', 'http://a.', '\\', '|', ' ', '* ', '**[', 'a`'];
  for (const mark of marks) {
    const hostile = mark.repeat(20_000 / mark.length);
    const began = process.cpuUsage().user;
    inline(hostile);
    looksLikeMarkdown(hostile.repeat(50));
    assert.ok(process.cpuUsage().user - began < MOST_MICROSECONDS, `${JSON.stringify(mark)} takes seconds`);
  }
  const began = process.cpuUsage().user;
  for (const hostile of ['*'.repeat(20_000), '['.repeat(20_000), '> '.repeat(5_000), '- '.repeat(5_000), '|'.repeat(20_000), `${'a|'.repeat(5_000)}\n${'-|'.repeat(5_000)}`, '`'.repeat(20_000), ' '.repeat(20_000), '1. a\n'.repeat(5_000)]) blocksOf(hostile);
  assert.ok(process.cpuUsage().user - began < MOST_MICROSECONDS, 'nine hostile texts take seconds');
});
