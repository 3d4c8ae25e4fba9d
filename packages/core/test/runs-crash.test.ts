import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunRecord } from '@car-runtime/protocol';
import { ChannelClosedError, type Peer } from '@car-runtime/rpc';
import { TempFolder } from '@car-runtime/testkit';
import { RunsProcess } from './runs-process.ts';

const kills = process.env['CAR_TEST_LONG'] ? 300 : 20;
/** A folder takes so many; what all of them left is read again after each. */
const killsPerFolder = 10;

interface Acknowledged {
  /** First index and tag of each batch. */
  batches: { base: number; count: number; tag: string }[];
  isCompleted: boolean;
}

/** Starts runs, records turns in several at a time and completes some, without waiting for answers, until it is cut off. */
class Load {
  readonly runs = new Map<string, Acknowledged>();
  readonly #first = Promise.withResolvers<void>();
  /** Resolves when turns were acknowledged for the first time. */
  readonly acknowledged = this.#first.promise;
  readonly #peer: Peer;
  #tags = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  async run(): Promise<void> {
    try {
      await Promise.all([this.#producer(), this.#producer(), this.#producer()]);
    } catch (error) {
      if (!(error instanceof ChannelClosedError)) throw error;
    }
  }

  async #producer(): Promise<void> {
    for (;;) {
      const { run_id: runId } = (await this.#peer.request('runs.start', { intent: 'load' })) as { run_id: string };
      const run: Acknowledged = { batches: [], isCompleted: false };
      this.runs.set(runId, run);
      const batches = 1 + Math.floor(Math.random() * 40);
      await Promise.all(Array.from({ length: batches }, () => this.#record(runId, run)));
      if (Math.random() < 0.3) continue;
      await this.#peer.request('runs.complete', { run_id: runId, outcome: { status: 'success' } });
      run.isCompleted = true;
    }
  }

  async #record(runId: string, run: Acknowledged): Promise<void> {
    const tag = `t${this.#tags++}`;
    const count = 1 + Math.floor(Math.random() * 20);
    const output = 'x'.repeat(Math.floor(Math.random() * 2_000));
    const turns = Array.from({ length: count }, (_, n) => ({ tool: `${tag}/${n}`, output }));
    const answer = (await this.#peer.request('runs.record_turns', { run_id: runId, turns })) as {
      base_index: number;
      ok: boolean;
      persisted?: false;
    };
    assert.equal(answer.persisted, undefined);
    if (answer.ok) run.batches.push({ base: answer.base_index, count, tag });
    this.#first.resolve();
  }
}

/** What a trace must have of a run once the daemon is back. */
function checkRun(records: RunRecord[], { batches, isCompleted }: Acknowledged): void {
  const [first, ...turns] = records;
  const last = turns.pop();
  assert.ok(first?.record === 'started' && last?.record === 'ended');
  turns.forEach((turn, index) => assert.ok(turn.record === 'turn' && turn.index === index));
  for (const { base, count, tag } of batches) {
    for (let n = 0; n < count; n++) {
      const turn = turns[base + n];
      assert.ok(turn?.record === 'turn' && turn.tool === `${tag}/${n}`, `turn ${base + n} was acknowledged`);
    }
  }
  if (isCompleted) assert.equal(last.termination.kind, 'outcome');
}

function filesOf(folder: TempFolder): Map<string, string> {
  const path = folder.join('runs', 'worker');
  return new Map(readdirSync(path).map((name) => [name, readFileSync(`${path}/${name}`, 'utf8')]));
}

for (let done = 0; done < kills; done += killsPerFolder) {
  // req: runs.crash
  test(`a daemon killed at ${killsPerFolder} moments under load, from ${done} of ${kills} on, loses no acknowledged turn; what it left open is incomplete and final`, async () => {
    const { acknowledged, adopted } = await killInOneFolder();
    assert.ok(acknowledged >= killsPerFolder / 2, `${acknowledged} turns were acknowledged`);
    assert.ok(adopted >= killsPerFolder / 4, `${adopted} runs were left open`);
  });
}

async function killInOneFolder(): Promise<{ acknowledged: number; adopted: number }> {
  using folder = new TempFolder();
  let before = new Map<string, Acknowledged>();
  let final = new Map<string, string>();
  let acknowledged = 0;
  let adopted = 0;
  for (let kill = 0; kill <= killsPerFolder; kill++) {
    await using daemon = await RunsProcess.start(folder.path, kill % 10 === 9 ? 'fsync' : 'buffered');
    adopted += daemon.ready.runsAdopted;
    const host = await daemon.connect('host');
    for (const [run_id, run] of before) {
      const { records } = (await host.request('runs.get_trace', { run_id })) as { records: RunRecord[] };
      checkRun(records, run);
      acknowledged += run.batches.reduce((sum, { count }) => sum + count, 0);
    }
    const files = before.size > 0 ? filesOf(folder) : new Map<string, string>();
    checkFiles(files, before, final);
    final = files;
    if (kill === killsPerFolder) break;
    const load = new Load(await daemon.connect('worker'));
    const running = load.run();
    // On a busy machine all might end before anything was answered.
    if (kill % 2 === 0) await load.acknowledged;
    await delay(5 + Math.random() * 150);
    await daemon.kill();
    await running;
    before = load.runs;
  }
  return { acknowledged, adopted };
}

function checkFiles(
  files: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, Acknowledged>,
  final: ReadonlyMap<string, string>,
): void {
  for (const [name, text] of files) {
    if (!text.includes('\n')) {
      assert.ok(!before.has(name.replace('.jsonl', '')), 'killed before its start was acknowledged');
      continue;
    }
    assert.ok(text.endsWith('\n'), name);
    for (const line of text.slice(0, -1).split('\n')) JSON.parse(line);
    const earlier = final.get(name);
    if (earlier !== undefined) assert.equal(text, earlier, 'an ended run takes nothing more');
  }
}
