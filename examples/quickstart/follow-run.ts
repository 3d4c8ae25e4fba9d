// Follows a run from a process of its own: `car runs tail` and `car runs replay`, as a person would call them.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { WatchedRecord } from '@car-runtime/client';

const car = join(import.meta.dirname, '..', '..', 'packages', 'server', 'bin', 'car.js');

export class RunFollower implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  readonly #records: WatchedRecord[] = [];

  /** `after` is the last cursor that an earlier follower saw. */
  constructor(runId: string, environment: NodeJS.ProcessEnv, after?: number) {
    const from = after === undefined ? [] : ['--after', String(after)];
    const child = spawn(process.execPath, [car, 'runs', 'tail', runId, '--json', ...from], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#ended = once(child, 'exit');
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** The first so many records, once they are there. */
  async records(count: number): Promise<WatchedRecord[]> {
    while (this.#records.length < count && (await this.#read()));
    assert.equal(this.#records.length, count, 'the follower ended too early');
    return [...this.#records];
  }

  /** All records, once the run and the follower with it have ended. */
  async end(): Promise<WatchedRecord[]> {
    while (await this.#read());
    await this.#ended;
    assert.equal(this.#child.exitCode, 0, 'a follower ends well when its run ends');
    return this.#records;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #read(): Promise<boolean> {
    const { value, done } = await this.#lines.next();
    if (!done) this.#records.push(JSON.parse(value) as WatchedRecord);
    return !done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ended;
  }
}

/** Every turn once, in order, between the run's start and its end. */
export function assertEachOnce(records: readonly WatchedRecord[]): void {
  const turns = records.length - 2;
  const expected = [
    'started 0',
    ...Array.from({ length: turns }, (_none, index) => `turn ${index + 1}`),
    `ended ${turns}`,
  ];
  assert.deepEqual(
    records.map(({ kind, cursor }) => `${kind} ${cursor}`),
    expected,
  );
  console.log(`   together: ${turns} turns, each exactly once and in order, then the end`);
}

export function describe(records: readonly WatchedRecord[]): string {
  const [first, last] = [records[0], records.at(-1)];
  return first && last ? `${first.kind} ${first.cursor} to ${last.kind}` : 'nothing';
}

/** Prints the run as the daemon has stored it, and compares that with what was seen live. */
export async function printReplay(
  runId: string,
  environment: NodeJS.ProcessEnv,
  seen: readonly WatchedRecord[],
): Promise<void> {
  const replay = async (...options: string[]): Promise<string> => {
    const args = [car, 'runs', 'replay', runId, '--speed', 'max', ...options];
    const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(code, 0);
    return printed.trimEnd();
  };
  const stored = (await replay('--json')).split('\n').map((line) => JSON.parse(line) as WatchedRecord);
  assert.deepEqual(stored, seen);
  console.log((await replay()).replaceAll(/^/gm, '   '));
  console.log(`   the same ${stored.length} records that were seen live`);
}
