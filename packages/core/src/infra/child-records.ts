// Children of the daemon on record, so that what a daemon that was killed left behind is ended by the next one. A child and all
// that it starts carry an id in their variables which nobody else knows; the record of the id is there before the child is, and
// is gone once the child is.
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makePrivateFolder, writePrivateFile } from './private-file.ts';
import { readRegular } from './regular-file.ts';
import { allProcessIds, environmentOf, identityOf, identityOfStat, signalProcess, statOf } from './processes.ts';

/** Variable that a child and its descendants are known by. */
export const childMarker = 'CAR_CHILD_ID';

const maxRecordBytes = 4_096;
const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const pollMs = 50;
const maxRounds = 10;

interface Process {
  readonly pid: number;
  readonly identity: string | undefined;
}

interface ChildRecord {
  readonly supervisor: Process;
  /** Absent while it is being started. */
  readonly child?: Process;
}

/** One child that is to be started. */
export interface RecordedChild {
  /** Its variable. */
  readonly env: Readonly<Record<string, string>>;
  started(pid: number): void;
  /** It is gone, or was never started. */
  ended(): void;
}

export class ChildRecords {
  readonly #folder: string | undefined;
  readonly #self: Process = { pid: process.pid, identity: identityOf(process.pid) };

  /** Without a folder nothing is on record. */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  open(): RecordedChild {
    const id = randomUUID();
    this.#write(id, { supervisor: this.#self });
    return {
      env: { [childMarker]: id },
      started: (pid) => this.#write(id, { supervisor: this.#self, child: { pid, identity: identityOf(pid) } }),
      ended: () => {
        if (this.#folder !== undefined) rmSync(join(this.#folder, id), { force: true });
      },
    };
  }

  #write(id: string, record: ChildRecord): void {
    if (this.#folder === undefined) return;
    makePrivateFolder(this.#folder);
    // A loss of power ends the processes too.
    writePrivateFile(join(this.#folder, id), JSON.stringify(record), { isSynced: false });
  }

  /** Ends what children of daemons that are gone left behind: SIGTERM, then SIGKILL. Answers how many processes. */
  async endAbandoned(graceMs: number): Promise<number> {
    const records = new Map([...this.#abandoned()]);
    if (records.size === 0) return 0;
    const found = new Set<number>();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      // A process may start another one while it is ended, hence until there is none.
      for (let round = 0; round < maxRounds; round++) {
        const left = leftOf(records);
        if (left.length === 0) break;
        for (const { pid, identity } of left) {
          found.add(pid);
          // Looked at once more right before: the id may be somebody else's by now.
          if (identityOf(pid) === identity) signalProcess(pid, signal);
        }
        for (let waitedMs = 0; waitedMs < graceMs && leftOf(records).length > 0; waitedMs += pollMs)
          await delay(pollMs);
        if (signal === 'SIGTERM') break;
      }
    }
    for (const id of records.keys()) rmSync(join(this.#folder ?? '', id), { force: true });
    return found.size;
  }

  /** Records of daemons that are gone. */
  *#abandoned(): Generator<[id: string, record: ChildRecord]> {
    if (this.#folder === undefined) return;
    for (const id of filesIn(this.#folder)) {
      if (!isId.test(id)) continue;
      const record = readRecord(join(this.#folder, id));
      if (record && !this.#isSupervised(record)) yield [id, record];
    }
  }

  #isSupervised({ supervisor: { pid, identity } }: ChildRecord): boolean {
    if (pid === this.#self.pid && identity === this.#self.identity) return true;
    return identity !== undefined && identityOf(pid) === identity;
  }
}

/** Processes that carry the id, those that left its group among them. Without a way to see variables, none. */
export function processesOf(ids: { has(id: string): boolean }): Process[] {
  return allProcessIds().flatMap((pid) => {
    if (pid === process.pid) return [];
    const id = environmentOf(pid).get(childMarker);
    const stat = id !== undefined && ids.has(id) ? statOf(pid) : undefined;
    return stat && !stat.isZombie ? [{ pid, identity: identityOfStat(stat) }] : [];
  });
}

function leftOf(records: ReadonlyMap<string, ChildRecord>): Process[] {
  const marked = processesOf(records);
  const known = new Set(marked.map(({ pid }) => pid));
  const recorded = [...records.values()].flatMap(({ child }) => {
    const isThere = child?.identity !== undefined && identityOf(child.pid) === child.identity;
    return isThere && !known.has(child.pid) ? [child] : [];
  });
  return [...marked, ...recorded];
}

function readRecord(path: string): ChildRecord | undefined {
  try {
    const record = JSON.parse(readRegular(path, maxRecordBytes)) as ChildRecord;
    return typeof record.supervisor?.pid === 'number' ? record : undefined;
  } catch {
    return undefined; // gone meanwhile, or not a record
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not made yet
  }
}
