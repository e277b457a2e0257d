// The page's modules as Node reads them: a copy in a folder that says that they are ones.

import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const STATIC = fileURLToPath(new URL('../../../static/', import.meta.url));

/** Answers what imports a module of the page by its name. */
export async function modules() {
  const folder = await mkdtemp(join(tmpdir(), 'caudal-modules-'));
  await cp(STATIC, folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  return (name) => import(pathToFileURL(join(folder, name)));
}
