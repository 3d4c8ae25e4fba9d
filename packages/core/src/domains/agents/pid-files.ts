// Who runs an agent: `run/<id>.supervisor.pid`, written by the daemon that started it, and `run/<id>.pid`, which an agent
// may keep itself and the daemon only reads (Agents, Lifecycle).
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../../infra/private-file.ts';
import { identityOf, startedAtMs } from '../../infra/processes.ts';
import { readRegular } from '../../infra/regular-file.ts';

const extension = '.supervisor.pid';
const maxFileBytes = 16 * 1024;
/** How far the clocks of files and processes may be apart. */
const clockSlackMs = 2_000;

/** The second line of the file; daemons of other makes write only the first, the process id. */
export interface SpawnRecord {
  pid: number;
  identity: string | undefined;
  supervisor: { pid: number; identity: string | undefined };
  manifest: string;
}

export class PidFiles {
  readonly #folder: string;
  readonly #self: SpawnRecord['supervisor'];

  constructor(folder: string) {
    this.#folder = folder;
    this.#self = { pid: process.pid, identity: identityOf(process.pid) };
  }

  write(id: string, pid: number, manifest: string): void {
    makePrivateFolder(this.#folder);
    const record = { identity: identityOf(pid), supervisor: this.#self, manifest };
    // A loss of power ends the process too.
    writePrivateFile(this.#pathOf(id), `${pid}\n${JSON.stringify(record)}\n`, { isSynced: false });
  }

  remove(id: string): void {
    rmSync(this.#pathOf(id), { force: true });
  }

  read(id: string): SpawnRecord | undefined {
    return parseRecord(textOf(this.#pathOf(id)));
  }

  /** Records of earlier supervisors of this manifest that are gone themselves. */
  *abandoned(manifest: string): Generator<{ id: string; record: SpawnRecord }> {
    for (const name of filesIn(this.#folder)) {
      if (!name.endsWith(extension)) continue;
      const id = name.slice(0, -extension.length);
      const record = this.read(id);
      if (record && record.manifest === manifest && !this.#isSupervised(record)) yield { id, record };
    }
  }

  #isSupervised({ supervisor }: SpawnRecord): boolean {
    if (supervisor.pid === this.#self.pid && supervisor.identity === this.#self.identity) return false;
    return supervisor.identity !== undefined && identityOf(supervisor.pid) === supervisor.identity;
  }

  /** The process id of a live instance of this agent that is not ours. */
  foreignInstance(id: string): number | undefined {
    const record = this.read(id);
    if (record && isAlive(record)) return record.pid;
    const path = join(this.#folder, `${id}.pid`);
    const pid = Number.parseInt(textOf(path) ?? '', 10);
    return identityOf(pid) !== undefined && !isYounger(pid, path) ? pid : undefined;
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}${extension}`);
  }
}

function isAlive({ pid, identity }: SpawnRecord): boolean {
  const current = identityOf(pid);
  return current !== undefined && (identity === undefined || identity === current);
}

/** A process that started after the file was written is not the one that wrote its id there. */
function isYounger(pid: number, path: string): boolean {
  const writtenAt = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const startedAt = startedAtMs(pid);
  return writtenAt !== undefined && startedAt !== undefined && startedAt > writtenAt + clockSlackMs;
}

function parseRecord(text: string | undefined): SpawnRecord | undefined {
  const [first = '', second = ''] = (text ?? '').split('\n');
  const pid = Number.parseInt(first, 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    return { ...(JSON.parse(second) as Omit<SpawnRecord, 'pid'>), pid };
  } catch {
    return { pid, identity: undefined, supervisor: { pid: 0, identity: undefined }, manifest: '' };
  }
}

function textOf(path: string): string | undefined {
  try {
    return readRegular(path, maxFileBytes);
  } catch {
    return undefined; // none, not ours to read, or no such file
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not made yet
  }
}
