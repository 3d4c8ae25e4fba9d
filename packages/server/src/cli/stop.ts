import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotConnectError } from '@car-runtime/client';
import type { CommandInput } from './command-spec.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { isNobodyThere } from './nobody-there.ts';
import { startProgress } from './progress.ts';
import { paint, printJson, talk } from './terminal.ts';

const defaultTimeoutSeconds = 15;
const pollMs = 50;

export async function run({ context, options }: CommandInput): Promise<number> {
  const timeoutMs = timeoutOf(options['timeout']);
  const pid = await findDaemon(context);
  if (pid === undefined) {
    if (context.isJson) printJson({ stopped: true, was_running: false }, { isRaw: true });
    else talk('No daemon is running');
    return exitCode.ok;
  }
  process.kill(pid, 'SIGTERM');
  const isGone = await waitUntilGone(pid, timeoutMs);
  if (context.isJson) printJson({ stopped: isGone, was_running: true, pid }, { isRaw: true });
  else if (isGone) talk(`${paint('green', '✓', process.stderr)} Stopped the daemon (process ${pid})`);
  else
    talk(
      `car: the daemon (process ${pid}) is still running after ${timeoutMs / 1000} s; it may be finishing calls. A second SIGTERM ends it at once: kill ${pid}`,
    );
  return isGone ? exitCode.ok : exitCode.failed;
}

/** The process id, from the daemon itself. Only a daemon of this machine has one that means anything here. */
async function findDaemon(context: CommandInput['context']): Promise<number | undefined> {
  using _progress = startProgress('asking the daemon');
  try {
    await using client = await context.connect();
    const { transport, endpoint, auth } = client.connection;
    // Whoever answers names the process that gets the signal.
    const isProven = transport === 'unix' || (auth !== undefined && !context.globals.insecureUnproven);
    if (!isProven)
      throw new UsageError(
        `Cannot stop the daemon at ${endpoint}: it did not prove that it is one; use its Unix socket`,
      );
    if (transport !== 'unix' && !(await isThisMachine(endpoint))) {
      throw new UsageError(`Cannot stop the daemon at ${endpoint}: it is on another machine`);
    }
    const { pid } = await client.server.status();
    if (!Number.isSafeInteger(pid) || pid <= 1) throw new Error(`The daemon gave ${pid} as its process id`);
    return pid;
  } catch (error) {
    if (error instanceof CannotConnectError && isNobodyThere(error)) return undefined;
    throw error;
  }
}

async function isThisMachine(endpoint: string): Promise<boolean> {
  const { isLoopbackHost } = await import('@car-runtime/client');
  return isLoopbackHost(new URL(endpoint).hostname);
}

async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  using _progress = startProgress('waiting for the daemon to finish');
  const until = Date.now() + timeoutMs;
  while (isRunning(pid)) {
    if (Date.now() >= until) return false;
    await sleep(pollMs);
  }
  return true;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, of another user; the signal before would have failed already.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(pid);
}

/** Ended, and waiting for a parent that does not ask, as in many containers. Only Linux tells. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // no /proc, or the process has gone this moment and the next round sees it
  }
}

function timeoutOf(value: string | boolean | undefined): number {
  const seconds = value === undefined ? defaultTimeoutSeconds : Number(value);
  if (!(seconds >= 0)) throw new UsageError(`--timeout is a number of seconds, not ${JSON.stringify(value)}`);
  return seconds * 1000;
}
