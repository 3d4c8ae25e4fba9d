// `car agents chat` over a connection that is lost in the middle, and with a goal.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as connectTo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../../test/run-car.ts';

const token = 'agent-token-of-this-test-0123456789';
let daemon: DaemonProcess;
let work: string;
let agent: Client;
let answer: (params: { session_id: string }, turn: number) => void;
let turns = 0;

before(async () => {
  daemon = await startDaemon();
  work = mkdtempSync(join(tmpdir(), 'car-chat-'));
  const at = { socketPath: daemon.ready.socket, reconnect: false } as const;
  await using client = await connect({ ...at, tokenFile: join(daemon.root, 'ai.parslee.car', 'auth-token') });
  await client.agents.upsert({ id: 'helper', name: 'Helper', command: process.execPath, token, cwd: work });
  agent = await connect({ ...at, token, agentId: 'helper' });
  agent.onCallback('agent.chat', (params) => {
    const turn = ++turns;
    setImmediate(() => answer(params, turn));
    return { accepted: true, goal: 'daemon' };
  });
});

after(async () => {
  await agent.close();
  await daemon[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

function say(session_id: string, event: { kind: string; [field: string]: unknown }): void {
  agent.notify('agent.chat.event', { session_id, ...event });
}

/** The daemon's socket at another path, which can be cut off. */
async function openWay(path: string): Promise<{ cut(): void; waiting: () => Promise<unknown>; close(): void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connectTo(daemon.ready.socket);
    for (const each of [socket, onward]) open.add(each.on('error', () => undefined));
    socket.pipe(onward).pipe(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    cut: () => {
      for (const socket of open) socket.destroy();
      open.clear();
    },
    waiting: () => once(server, 'connection'),
    close: () => void server.close(),
  };
}

// req: cli.agents-chat-lost
test('what an agent says while the connection is lost is shown after it, in order and once', async () => {
  const socket = join(work, 'way.sock');
  const way = await openWay(socket);
  const session = Promise.withResolvers<string>();
  answer = ({ session_id }) => {
    say(session_id, { kind: 'token', delta: 'one ' });
    session.resolve(session_id);
  };
  const tokenFile = join(daemon.root, 'ai.parslee.car', 'auth-token');
  await using car = startCar(['agents', 'chat', 'helper', 'hello', '--socket', socket, '--token-file', tokenFile], {
    root: daemon.root,
  });
  await car.until('stdout', (printed) => printed.includes('one '));
  const id = await session.promise;
  const again = way.waiting();
  way.cut();
  say(id, { kind: 'token', delta: 'two ' });
  await again;
  say(id, { kind: 'token', delta: 'three' });
  say(id, { kind: 'done', finish_reason: 'stop', text: 'one two three' });
  const { code, stdout } = await car.result;
  assert.deepEqual([code, stdout], [0, 'one two three\n']);
  way.cut();
  way.close();
});

const chat = (prompt: string, goal: string) =>
  runCar(['agents', 'chat', 'helper', prompt, '--goal', goal], { root: daemon.root, cwd: work });

// req: cli.agents-chat-goal
test('--goal has the agent asked again until the check passes, and says how it stands', async () => {
  turns = 0;
  answer = ({ session_id }, turn) => {
    if (turn === 2) writeFileSync(join(work, 'made'), '');
    say(session_id, { kind: 'done', finish_reason: 'stop', text: `turn ${turn}` });
  };
  const said = await chat('make it', 'test -f made');
  assert.equal(said.code, 0, said.stderr);
  const verdicts = plain(said.stderr)
    .split('\n')
    .filter((line) => line.includes('goal'));
  assert.deepEqual([turns, verdicts.length], [2, 2]);
  assert.match(verdicts[0] ?? '', /goal not met, iteration 1/);
  assert.match(verdicts[1] ?? '', /goal met, iteration 2/);
});

// req: cli.agents-chat-goal
test('a goal that is never met ends with an error after as many turns as there may be', async () => {
  turns = 0;
  answer = ({ session_id }) => say(session_id, { kind: 'done', finish_reason: 'stop', text: 'tried' });
  const said = await chat('try', 'false');
  assert.deepEqual([said.code, turns], [1, 8]);
});
