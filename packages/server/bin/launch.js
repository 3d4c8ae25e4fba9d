// Starts a program of this package: plain JavaScript, because the machine's own Node may be too old for the program.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { isAbsolute, join } from 'node:path';

const NEEDED = [24, 15];

/** Runs the program `name` (its entry file, without extension) in this process, or in a newer Node. */
export async function launch(name) {
  if (isNewEnough(process.versions.node)) {
    await runHere(name);
    return;
  }
  const { runInNewerNode } = await import('./newer-node.js');
  runInNewerNode(name, NEEDED.join('.'), isNewEnough);
}

async function runHere(name) {
  if (process.env['CAR_LAUNCHED']) {
    const { endWithLauncher } = await import('./newer-node.js');
    endWithLauncher();
  }
  const cache = compileCacheFolder();
  if (cache) module.enableCompileCache?.(cache);
  // The sources in the repository, the bundle in the published package.
  const source = new URL(`../src/${name}.ts`, import.meta.url);
  const entry = existsSync(source) ? source : new URL(`../dist/${name}.js`, import.meta.url);
  await import(entry.href);
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/**
 * Where compiled code is kept, or undefined for nowhere. Node's default is a folder of the shared temporary directory,
 * where another user could plant code for us to run.
 */
function compileCacheFolder() {
  const { NODE_COMPILE_CACHE: chosen, XDG_CACHE_HOME: caches = '', HOME: home } = process.env;
  if (chosen) return chosen;
  if (isAbsolute(caches)) return join(caches, 'car', 'compile-cache');
  return home && isAbsolute(home) ? join(home, '.cache', 'car', 'compile-cache') : undefined;
}
