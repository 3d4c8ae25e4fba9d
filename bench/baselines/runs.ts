// The least a server can do for runs: parse, number the turns, send each as an event to whoever subscribed (stringified
// once), append them to the run's open file, answer. What of that it does the arguments say:
//   node runs.ts [--events] [--files] [--fsync]
import { randomUUID } from 'node:crypto';
import { closeSync, fdatasync, openSync, readFileSync, rmSync, writeSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WebSocket } from 'ws';
import { listen, type Message } from './listen.ts';

interface Run {
  descriptor: number | undefined;
  turns: number;
  subscribers: WebSocket[];
  /** Answers that wait for a flush under way, and those that wait for the next one. */
  waiting: (() => void)[];
  isFlushing: boolean;
}

const [hasEvents, hasFiles, isSynced] = ['--events', '--files', '--fsync'].map((flag) => process.argv.includes(flag));
const folder = mkdtempSync(join(tmpdir(), 'car-bench-bare-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const agent_id = 'worker-0';
const runs = new Map<string, Run>();

listen((socket) => ({ id, method, params }) => {
  const { run_id = randomUUID(), turns } = params as { run_id?: string; turns?: object[] };
  if (method === 'runs.record_turns') {
    const run = runs.get(run_id) as Run;
    const base_index = run.turns;
    record(run, run_id, turns as object[]);
    const answer = { run_id, base_index, count: run.turns - base_index, ok: true };
    if (isSynced) flushed(run, () => send(socket, id, answer));
    else send(socket, id, answer);
  } else if (method === 'runs.start') {
    const descriptor = hasFiles ? openSync(pathOf(run_id), 'a') : undefined;
    runs.set(run_id, { descriptor, turns: 0, subscribers: [], waiting: [], isFlushing: false });
    send(socket, id, { run_id, agent_id });
  } else if (method === 'runs.subscribe') {
    runs.get(run_id)?.subscribers.push(socket);
    send(socket, id, { run_id, agent_id, turns_so_far: [], cursor: 0, status: 'in_progress' });
  } else if (method === 'runs.complete') {
    end(run_id);
    send(socket, id, { run_id, ok: true });
  } else {
    // Records are JSON already: a file of lines becomes an array without being parsed.
    const records = readFileSync(pathOf(run_id), 'utf8').trimEnd().replaceAll('\n', ',');
    const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;
    socket.send(`${head}{"run_id":"${run_id}","agent_id":"${agent_id}","records":[${records}],"cursor":0}}`);
  }
});

function record(run: Run, run_id: string, turns: readonly object[]): void {
  let lines = '';
  for (const turn of turns) {
    const numbered = { record: 'turn', index: run.turns++, ...turn, recorded_at: '2026-01-01T00:00:00.000Z' };
    if (hasFiles) lines += `${JSON.stringify(numbered)}\n`;
    if (hasEvents) announce(run, { run_id, agent_id, record: numbered, cursor: run.turns, status: 'in_progress' });
  }
  if (run.descriptor !== undefined) writeSync(run.descriptor, lines);
}

function announce({ subscribers }: Run, params: object): void {
  const text = JSON.stringify({ jsonrpc: '2.0', method: 'runs.trace.event', params });
  for (const subscriber of subscribers) subscriber.send(text);
}

/** Whoever comes while a flush is under way shares the next one. */
function flushed(run: Run, answer: () => void): void {
  run.waiting.push(answer);
  if (!run.isFlushing) flush(run);
}

function flush(run: Run): void {
  const answers = run.waiting;
  run.waiting = [];
  run.isFlushing = true;
  fdatasync(run.descriptor as number, (error) => {
    if (error) throw error;
    for (const answer of answers) answer();
    run.isFlushing = false;
    if (run.waiting.length > 0) flush(run);
  });
}

function end(run_id: string): void {
  const run = runs.get(run_id) as Run;
  announce(run, { run_id, agent_id, record: { record: 'ended', run_id }, cursor: run.turns, status: 'completed' });
  if (run.descriptor !== undefined) closeSync(run.descriptor);
  runs.delete(run_id);
}

function pathOf(run_id: string): string {
  return join(folder, `${run_id}.jsonl`);
}

function send(socket: WebSocket, id: Message['id'], result: unknown): void {
  socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
}
