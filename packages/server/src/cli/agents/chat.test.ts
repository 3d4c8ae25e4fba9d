// `car agents chat` against a real daemon and the agents that `car agents new` makes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { runCar, startCar } from '../../../test/run-car.ts';
import { harmless } from './chat-text.ts';

let daemon: DaemonProcess;
let work: string;

before(async () => {
  daemon = await startDaemon();
  work = mkdtempSync(join(tmpdir(), 'car-chat-'));
});

after(async () => {
  await daemon.stop();
  rmSync(work, { recursive: true });
});

const car = (...args: string[]) => runCar(args, { root: daemon.root });

async function startAgent(id: string, ...options: string[]): Promise<void> {
  await car('agents', 'new', id, '--dir', join(work, id), '--start', ...options);
  await using logs = startCar(['agents', 'logs', '-f', id], { root: daemon.root });
  await logs.until('stdout', (printed) => printed.includes('ready\n'));
}

for (const language of ['typescript', 'python'] as const) {
  // req: cli.agents-chat, example.agent
  test(`a new agent in ${language} answers: plan, run, tokens, and a question that nobody answers is denied`, async () => {
    const id = `talk-${language}`;
    await startAgent(id, '--language', language);
    const said = await car('agents', 'chat', id, 'Ada');
    assert.deepEqual([said.code, said.stdout, said.stderr], [0, 'Hello, Ada!\n', '⚙ "greet" { name: "Ada" }\n']);
    const json = await car('agents', 'chat', id, 'remember the milk', '--json');
    const events = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ kind }) => kind).filter((kind, index, all) => kind !== all[index - 1]),
      ['tool_call', 'tool_result', 'approval_pending', 'token', 'done'],
    );
    assert.equal(events.at(-1)?.['text'], 'Hello, remember the milk!', 'denied, so it did not remember');
    assert.match(json.stderr, /denied: nobody is there/);
    const runs = await car('runs', 'ls', '--agent', id, '--json');
    const listed = (JSON.parse(runs.stdout) as { runs: { intent: string; status: string }[] }).runs;
    assert.equal(
      listed.filter(({ intent, status }) => intent === 'answer a prompt' && status === 'completed').length,
      2,
    );
    const stopped = await car('agents', 'stop', id);
    assert.equal(stopped.code, 0);
    const gone = await car('agents', 'chat', id, 'Ada');
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /is not attached/);
  });
}

// req: cli.agents-chat
test('a prompt comes from standard input too, and an empty one is refused', async () => {
  await startAgent('goals');
  const piped = await runCar(['agents', 'chat', 'goals'], { root: daemon.root, input: 'Ada\n' });
  assert.equal(piped.stdout, 'Hello, Ada!\n');
  const empty = await runCar(['agents', 'chat', 'goals'], { root: daemon.root, input: ' \n' });
  assert.deepEqual([empty.code, empty.stdout], [2, '']);
});

// req: cli.agents-chat
test('what an agent says cannot move the cursor or hide', () => {
  const hostile = 'a\u001B[2Jb\u202Ec\u0007d\u200Be\rf\u009Bg\u{E0041}h\n\tok';
  assert.equal(harmless(hostile), 'a[2Jbcdefgh\n\tok');
});
