// For a machine whose own Node is too old: runs the launcher again with the `node` package installed beside this one.
// The child gets a session of its own, so a signal sent to the whole process group (Ctrl-C does that) reaches it once,
// through us; and a pipe whose end tells it that we are gone, so whoever kills this process has killed the program.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const LIFELINE_FD = 3;
const HANDED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'];

/** Does in a child what this process was asked to do, and ends like it. */
export function runInNewerNode(name, needed, isNewEnough) {
  const binary = pinnedNode(isNewEnough);
  if (!binary) {
    console.error(
      `${name}: Node ${needed} or newer is needed and this is ${process.versions.node}: ` +
        'install it, or run "npm install node@24" beside this package',
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(binary, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, CAR_LAUNCHED: '1' },
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

/** In the child: ends the program, as SIGKILL would, when the launcher is gone. */
export function endWithLauncher() {
  delete process.env['CAR_LAUNCHED']; // our own children have no such pipe
  const lifeline = new Socket({ fd: LIFELINE_FD });
  lifeline.on('error', () => {}); // 'close' follows
  lifeline.on('close', () => process.kill(process.pid, 'SIGKILL'));
  lifeline.resume();
  lifeline.unref();
}

function handOnSignals(child) {
  for (const signal of HANDED_ON) {
    if (signal in constants.signals) process.on(signal, () => child.kill(signal)); // Windows has few of them
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

/** The binary of the `node` package found from here upwards, or undefined. */
function pinnedNode(isNewEnough) {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const { version, bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const binary = join(dirname(manifest), bin.node);
    return isNewEnough(version) && existsSync(binary) ? binary : undefined;
  } catch {
    return undefined; // not installed
  }
}
