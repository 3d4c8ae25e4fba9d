// What agents use, and what happens to one that uses more than it may. Figures come from /proc.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { ManagedAgent } from '@car-runtime/protocol';
import { serve, TempFolder } from '@car-runtime/testkit';
import { parseStat } from '../../infra/processes.ts';

const node = process.execPath;
const quick = { config: { agentStopGraceMs: 300 } };

// req: agents.resources
test('a running agent is listed with the CPU time and the memory of all its processes', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  using folder = new TempFolder();
  const ready = folder.join('ready');
  const source = `require('child_process').spawn('sleep', ['1000']).on('spawn', () => require('fs').writeFileSync(${JSON.stringify(ready)}, '')); setInterval(() => {}, 1000)`;
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: ['-e', source] });
  const [idle] = (await client.agents.list()) as ManagedAgent[];
  assert.equal(idle?.resources, undefined);
  await client.agents.start({ id: 'a' });
  while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 10));
  const [{ resources } = {} as ManagedAgent] = (await client.agents.list()) as ManagedAgent[];
  assert.ok(resources);
  assert.equal(resources.processes, 2);
  assert.ok(resources.rss_bytes > 20_000_000 && resources.rss_bytes < 1_000_000_000, String(resources.rss_bytes));
  assert.ok(resources.cpu_secs >= 0 && resources.cpu_percent >= 0);
  await client.agents.stop({ id: 'a' });
  const [ended] = (await client.agents.list()) as ManagedAgent[];
  assert.equal(ended?.resources, undefined);
});

// req: agents.limits
test('an agent that uses more memory, or has more processes, than it may is ended, and that is a failure', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const rows: [source: string, limits: object, why: RegExp][] = [
    ['setInterval(() => {}, 1000)', { memory_bytes: 4_194_304 }, /^used \d+ bytes of memory, and may use 4194304$/],
    [
      `require('child_process').spawn('sleep', ['1000']); setInterval(() => {}, 1000)`,
      { processes: 1 },
      /^had 2 processes, and may have 1$/,
    ],
  ];
  await Promise.all(
    rows.map(async ([source, limits, why], index) => {
      const id = `a${index}`;
      await client.agents.upsert({ id, name: 'A', command: node, args: ['-e', source], limits, max_restarts: 0 });
      await client.agents.start({ id });
      const ended = await client.agents.wait({ id, targets: ['errored'] });
      assert.match(ended.last_error ?? '', why);
      assert.equal(ended.last_signal, 'SIGTERM');
    }),
  );
});

// req: agents.limits
test('an agent that keeps using more of a core than it may is ended for it; one that uses less goes on', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const limits = { cpu_percent: 1, cpu_secs: 5 };
  const spin = { id: 'spins', name: 'Spins', command: node, args: ['-e', 'for (;;);'], limits, max_restarts: 0 };
  const rest = { id: 'rests', name: 'Rests', command: '/bin/sleep', args: ['1000'], limits, max_restarts: 0 };
  for (const agent of [spin, rest]) {
    await client.agents.upsert(agent);
    await client.agents.start({ id: agent.id });
  }
  const ended = await client.agents.wait({ id: 'spins', targets: ['errored'], timeout_secs: 120 });
  assert.match(ended.last_error ?? '', /^used more than 1 % of a core for \d+ s$/);
  assert.equal(ended.last_signal, 'SIGTERM');
  const [, rests] = ((await client.agents.list()) as ManagedAgent[]).toSorted((one) => (one.id === 'rests' ? 1 : -1));
  assert.deepEqual([rests?.id, rests?.status, rests?.last_error], ['rests', 'running', undefined]);
});

test('a line of /proc is read whatever the program is called', () => {
  const stat = parseStat(
    '42 (a) R (b c) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 1 2 20 0 1 0 987654 1000000 250 18446744073709551615 1 1',
  );
  assert.deepEqual(stat, {
    pid: 42,
    isZombie: false,
    parent: 1,
    group: 42,
    session: 42,
    hasTerminal: false,
    cpuTicks: 13,
    startTicks: '987654',
    residentPages: 250,
  });
});
