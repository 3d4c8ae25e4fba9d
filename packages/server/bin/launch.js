// Starts a program of this package: plain JavaScript, because the machine's own Node may be too old for the program.
// Under such a Node it runs the launcher again with the `node` package installed beside it. That child gets a session
// of its own, so a signal sent to the whole process group (Ctrl-C does that) reaches it once, through us; and a pipe
// whose end tells it that we are gone, so whoever kills this process has killed the program.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { Socket } from 'node:net';
import { constants, homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const NEEDED = [24, 15];
const LIFELINE_FD = 3;
/** Set for the child only: says that LIFELINE_FD is the pipe to its launcher. */
const LAUNCHED = 'CAR_LAUNCHED';
const HANDED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'];

/** Runs the program `name` (its entry file, without extension) in this process, or in a newer Node. */
export async function launch(name) {
  if (isNewEnough(process.versions.node)) await runHere(name);
  else runInPinnedNode(name);
}

async function runHere(name) {
  if (process.env[LAUNCHED]) endWithLauncher();
  const cache = compileCacheFolder();
  if (cache) module.enableCompileCache?.(cache);
  // The sources in the repository, the bundle in the published package.
  const source = new URL(`../src/${name}.ts`, import.meta.url);
  const entry = existsSync(source) ? source : new URL(`../dist/${name}.js`, import.meta.url);
  await import(entry.href);
}

function runInPinnedNode(name) {
  const binary = pinnedNode();
  if (!binary) {
    console.error(
      `${name}: Node ${NEEDED.join('.')} or newer is needed and this is ${process.versions.node}: ` +
        'install it, or run "npm install node@24" beside this package',
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(binary, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [LAUNCHED]: '1' },
    detached: process.platform !== 'win32',
  });
  child.stdio[LIFELINE_FD]?.on('error', () => {}); // broken when the child ends, which 'exit' tells us
  handOnSignals(child);
  child.on('error', (error) => {
    console.error(`${name}: cannot start ${binary}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => endLike(code, signal));
}

function handOnSignals(child) {
  for (const signal of HANDED_ON) {
    // SIGINT, SIGTERM and the like exist on every platform; the rest not on Windows.
    if (signal in constants.signals) process.on(signal, () => child.kill(signal));
  }
  if (process.platform === 'win32') return;
  process.on('SIGTSTP', () => {
    child.kill('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  });
}

/** Ends this process the way the child ended, so that our parent sees the same status. */
function endLike(code, signal) {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Reached when the signal does not end this process at once.
  setTimeout(() => process.exit(128 + constants.signals[signal]), 1000);
}

/** In the child: ends the program, as SIGKILL would, when the launcher is gone. */
function endWithLauncher() {
  delete process.env[LAUNCHED]; // our own children have no such pipe
  const lifeline = new Socket({ fd: LIFELINE_FD });
  lifeline.on('error', () => {}); // 'close' follows
  lifeline.on('close', () => process.kill(process.pid, 'SIGKILL'));
  lifeline.resume();
  lifeline.unref();
}

/** The binary of the `node` package found from here upwards, or undefined. */
function pinnedNode() {
  try {
    const manifest = module.createRequire(import.meta.url).resolve('node/package.json');
    const { version, bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const binary = join(dirname(manifest), bin.node);
    return isNewEnough(version) && existsSync(binary) ? binary : undefined;
  } catch {
    return undefined; // not installed
  }
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
  const { NODE_COMPILE_CACHE: chosen, XDG_CACHE_HOME: caches = '' } = process.env;
  if (chosen) return chosen;
  if (isAbsolute(caches)) return join(caches, 'car', 'compile-cache');
  try {
    return join(homedir(), '.cache', 'car', 'compile-cache');
  } catch {
    return undefined; // this user has no home
  }
}
