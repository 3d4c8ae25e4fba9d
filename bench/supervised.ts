// What the daemon spends on agents that run and do nothing, while a dashboard lists them with what they use.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@car-runtime/client';
import type { Options, Row } from './harness/report.ts';

const daemonSource = join(import.meta.dirname, '..', 'packages', 'server', 'src', 'car-server.ts');
const fullCount = 200;
const shortCount = 5;
const fullSeconds = 30;
/** How often the dashboard asks; figures older than that are measured anew. */
const askEverySeconds = 5;
const ticksPerSecond = 100;

export async function supervised({ isShort }: Options): Promise<Row[]> {
  const count = isShort ? shortCount : fullCount;
  const seconds = isShort ? 1 : fullSeconds;
  const idle = await measure(0, seconds);
  const ours = await measure(count, seconds);
  return [
    {
      benchmark: 'supervised agents',
      unit: '%',
      value: ours,
      goal: { atMost: 1 },
      detail: `of a core for ${count} idle agents, each with limits, listed every ${askEverySeconds} s; ${idle.toFixed(2)} % without agents`,
      measured: { count, seconds, idle, ours },
    },
  ];
}

/** Percent of a core that a daemon uses that supervises so many sleeping processes. */
async function measure(count: number, seconds: number): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'car-bench-'));
  const command = ['/usr/bin/sleep', '/bin/sleep'].find((path) => existsSync(path)) ?? '';
  const agents = Array.from({ length: count }, (_, n) => ({
    id: `a${n}`,
    name: `a${n}`,
    command,
    args: ['100000'],
    auto_start: true,
    limits: { memory_bytes: 1024 ** 3 },
  }));
  writeFileSync(join(root, 'agents.json'), JSON.stringify({ agents }), { mode: 0o600 });
  const child = spawn(process.execPath, [daemonSource, '--port', '0', '--ready-json'], {
    env: { ...process.env, CAR_HOME: root },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const url = await readyUrl(child);
    const token = readFileSync(join(root, 'ai.parslee.car', 'auth-token'), 'utf8');
    await using client = await connect({ url, token, reconnect: false });
    for (const { id } of agents) await client.agents.wait({ id });
    await client.agents.list();
    const before = cpuSecondsOf(child);
    const startedAt = performance.now();
    for (let n = 0; n < seconds / askEverySeconds; n++) {
      await delay(Math.min(seconds, askEverySeconds) * 1_000);
      await client.agents.list();
    }
    return ((cpuSecondsOf(child) - before) / (performance.now() - startedAt)) * 100_000;
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    rmSync(root, { recursive: true, force: true });
  }
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the daemon has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return (JSON.parse(line) as { ws: string }).ws;
}

/** Of the daemon alone: its agents are other processes. */
function cpuSecondsOf({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
