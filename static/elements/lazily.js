// Parts of a view that few need are fetched when they are wanted.

import { fill } from '../dom.js';
import { text } from '../text.js';
import { problemNote } from './problem-note.js';

/** `use(module)` is called with what `load()` brings; when nothing comes, the place says why. */
export async function lazily(place, load, use) {
  let module;
  try {
    module = await load();
  } catch {
    fill(place, await unreachableNote(() => lazily(place, load, use)));
    return;
  }
  use(module);
}

/** The server is away, or has another version now: then this page's files are gone, and those of the new one are asked for. */
export async function unreachableNote(onRetry) {
  const isThere = await fetch('/healthz').then(({ ok }) => ok, () => false);
  return isThere ? problemNote(new Error(text.error.otherVersion), () => location.reload()) : problemNote(new Error(text.error.network), onRetry);
}
