// The whole thing in one command: a daemon, an agent in a process of its own, and a plan that runs real tools.
// Prints what happens as it happens, checks the outcome, and exits non-zero when something is not as it should be.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemonProcess } from '../daemon-process.ts';
import { bold, dim, heading } from './print.ts';

const repository = join(import.meta.dirname, '..', '..');
const giveUpMs = 60_000;

async function run(): Promise<void> {
  const startedAt = performance.now();
  heading('1  Start a daemon');
  await using daemon = await startDaemonProcess();
  const { ready, home, environment } = daemon;
  console.log(`   car-server, process ${ready.pid}`);
  console.log(`   WebSocket ${ready.ws}   socket ${ready.socket ?? 'none'}`);
  console.log(`   state root ${home}`);

  heading('2  Start an agent in a process of its own');
  const agent = spawn(process.execPath, [join(import.meta.dirname, 'agent.ts'), repository, home], {
    env: { ...environment, CAR_DAEMON_URL: ready.ws },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await exitOf(agent);
  if (code !== 0) throw new Error(`The agent ended with ${code ?? 'a signal'}`);

  heading('6  What is left');
  console.log(dim(indent(await readFile(join(home, 'report.md'), 'utf8'))));

  heading('7  Stop');
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

await run().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
