// The whole thing in one command: a daemon, an agent in a process of its own, and a plan that runs real tools.
// Prints what happens as it happens, checks the outcome, and exits non-zero when something is not as it should be.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemonProcess } from '../daemon-process.ts';
import { bold, dim, heading } from './print.ts';
import { recall } from './remember.ts';
import { startPerson } from './person.ts';
import { showConsole } from './console/main.ts';
import { assertEachOnce, describe, printReplay, RunFollower } from './follow-run.ts';

const repository = join(import.meta.dirname, '..', '..');
/** `npm run quickstart -- --by-hand` leaves the decision to you. */
const isByHand = process.argv.includes('--by-hand');
const waitMs = isByHand ? 600_000 : 60_000;
const giveUpMs = waitMs + 60_000;
const runId = 'quickstart-run';
/** Records after which the first follower is killed. */
const killAfter = 5;

async function run(): Promise<void> {
  const startedAt = performance.now();
  heading('1  Start a daemon');
  await using daemon = await startDaemonProcess();
  const { ready, home, environment } = daemon;
  console.log(`   car-server, process ${ready.pid}`);
  console.log(`   WebSocket ${ready.ws}   socket ${ready.socket ?? 'none'}`);
  console.log(`   state root ${home}`);

  heading('2  Start an agent in a process of its own');
  const agent = spawn(
    process.execPath,
    [join(import.meta.dirname, 'agent.ts'), repository, home, runId, String(waitMs)],
    {
      env: { ...environment, CAR_DAEMON_URL: ready.ws },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  const ended = exitOf(agent);
  const url = { ...environment, CAR_DAEMON_URL: ready.ws };
  await Promise.race([once(agent, 'message'), ended]);
  await using first = new RunFollower(runId, url);
  await first.records(1);
  agent.send('go on');
  await using person = isByHand ? undefined : await startPerson(ready.ws, home);
  if (isByHand) console.log(bold(`   In another terminal: CAR_HOME=${home} npx car approvals watch`));
  const before = await first.records(killAfter);
  first.kill();
  const cursor = before.at(-1)?.cursor ?? 0;
  await using second = new RunFollower(runId, url, cursor);
  const code = await ended;
  if (code !== 0) throw new Error(`The agent ended with ${code ?? 'a signal'}`);
  if (person) assert.equal((await person.decided).outcome, 'approved');

  heading('8  What is left');
  console.log(dim(indent(await readFile(join(home, 'report.md'), 'utf8'))));

  heading('9  What the followers of the run saw');
  const after = await second.end();
  const seen = [...before, ...after];
  console.log(`   a first process saw ${before.length} records and was killed at cursor ${cursor}`);
  console.log(`   a second one went on behind it and saw ${after.length}: ${describe(after)}`);
  assertEachOnce(seen);

  heading('10  Restart the daemon, and play the run again');
  await daemon.restart();
  console.log(`   car-server, process ${daemon.ready.pid}, on the same state root`);
  await printReplay(runId, { ...environment, CAR_DAEMON_URL: daemon.ready.ws }, seen);

  heading('11  Ask the new daemon what it remembers');
  await recall({ ...environment, CAR_DAEMON_URL: daemon.ready.ws });

  heading('12  Stop');
  const exitCode = await daemon.stop();
  if (exitCode !== 0) throw new Error(`The daemon ended with ${exitCode}`);
  console.log(`   daemon drained and exited 0, after ${((performance.now() - startedAt) / 1000).toFixed(1)} s in all`);
  console.log(bold('\nAll of it happened. Next: npm start, then connect your own agent (README).'));
}

/** Its exit status; an agent that hangs is killed, which counts as a failure. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  const timer = setTimeout(() => child.kill('SIGKILL'), giveUpMs);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  return code;
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '   ');
}

/** `npm run quickstart -- --console` starts agents to look at instead, and leaves them running. */
await (process.argv.includes('--console') ? showConsole() : run()).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
