// The commands on memory, as processes of their own, against a real daemon.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { runCar, type RunResult } from '../../../test/run-car.ts';

let daemon: DaemonProcess;

before(async () => {
  daemon = await startDaemon();
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
});

const memory = (...args: string[]): Promise<RunResult> => runCar(['memory', ...args], { root: daemon.root });

async function lines(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await memory(...args);
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  return stdout.split('\n').slice(0, -1);
}

// req: memory.cli
test('a fact is added, corrected, found, shown and followed through time', async () => {
  assert.deepEqual(await lines('add', 'deploy day', 'Friday', '--id', 'a', '--tag', 'ops'), [
    'remembered; 1 fact in all',
  ]);
  assert.deepEqual(await lines('add', 'deploy day', 'Tuesday', '--id', 'b', '--supersedes', 'deploy day', '--json'), [
    '{"fact_count":1}',
  ]);
  await lines('add', 'mail', 'goes out before the deploy', '--id', 'm', '--depends-on', 'b');
  assert.deepEqual(await lines('query', 'deploy day', '-n', '1'), ['b\tpattern\tdeploy day: Tuesday']);
  const timeline = await lines('timeline', 'deploy day');
  assert.deepEqual(
    timeline.map((line) => line.split('\t').slice(1)),
    [
      ['a', 'superseded by b', 'Friday'],
      ['b', 'holds', 'Tuesday'],
    ],
  );
  const shown = (await lines('show', 'b')).join('\n');
  for (const part of [/deploy day: Tuesday/, /supersedes\s+a$/m, /needed by\s+m$/m, /from\s+user, trusted$/m]) {
    assert.match(shown, part);
  }
  const [json] = await lines('show', 'a', '--json');
  assert.equal((JSON.parse(json ?? '') as { superseded_by: string }).superseded_by, 'b');
  const context = await lines('context', 'when is the deploy', '--window', '8000');
  assert.ok(context.includes('- b [usr] deploy day: Tuesday (changed from: Friday)'));
  assert.ok((await lines('context', 'x', '--fast'))[0] === '## Facts');
  const { code, stderr } = await memory('show', 'nothing');
  assert.ok(code === 1 && stderr.includes('no such fact'));
});

// req: memory.cli
test('a memory goes to a file and into another namespace, as JSON lines and as Markdown', async () => {
  await lines('add', 'rule', 'ask first', '--kind', 'constraint', '--namespace', 'one');
  for (const [format, name] of [
    ['jsonl', 'memory.jsonl'],
    ['markdown', 'memory.md'],
  ] as const) {
    const { stdout } = await memory('export', '--format', format, '--namespace', 'one');
    const path = join(daemon.root, name);
    writeFileSync(path, stdout);
    assert.deepEqual(await lines('import', path, '--namespace', format), ['1 imported, 0 there already']);
    assert.deepEqual(await lines('import', path, '--namespace', format), ['0 imported, 1 there already']);
    assert.match(
      (await lines('context', 'x', '--namespace', format)).join('\n'),
      /## Constraints\n⚠ ws-1 rule: ask first/,
    );
  }
  assert.equal((await memory('import', join(daemon.root, 'nothing'))).code, 2);
  assert.equal((await memory('query', 'x', '--ranking', 'best')).code, 2);
});

// req: memory.cli
test('what is in a fact does nothing to a terminal', async () => {
  const evil = 'x\u001B[2J\u202E';
  await lines('add', evil, evil, '--id', 'evil', '--namespace', 'evil');
  for (const args of [
    ['query', 'x'],
    ['context', 'x'],
    ['show', 'evil'],
    ['timeline', evil],
    ['query', 'x', '--json'],
  ]) {
    const printed = (await lines(...args, '--namespace', 'evil')).join('\n');
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    assert.ok(!/[\u001B\u202E]/.test(printed), args.join(' '));
  }
  assert.ok(readFileSync(join(daemon.root, 'memory', 'memory-namespaces', 'evil.jsonl'), 'utf8').includes('evil'));
});
