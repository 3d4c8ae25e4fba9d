// Runs as files of JSON lines, one for each run: `<root>/<agent>/<run>.jsonl` (Run tracing, Disk store). The files are the
// truth; the index beside them is made from them.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rmdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary } from '@car-runtime/protocol';
import { OpenHandles } from '../../../infra/append-file.ts';
import { timestamp } from '../../../infra/timestamp.ts';
import type { Health } from '../../../kernel/health.ts';
import type { Logger } from '../../../kernel/logger.ts';
import { encodeEnded, statusOf } from '../records.ts';
import { endFile } from './end-file.ts';
import { backupMarker, fileNameOf, folderNameOf, indexName, runExtension } from './file-names.ts';
import { parseRun, summarizeRun, type RunFacts } from './parse-run.ts';
import { createFileAccess, RunFile, type FileAccess, type PendingBudget } from './run-file.ts';
import { RunIndex, type EndedRow, type IndexEntry } from './run-index.ts';
import type { IsStored, NewRecords, RunQuery, RunRef, RunRetention, RunStore, StoredRun } from './run-store.ts';

const component = 'runs';
const maxPendingBytes = 64 * 1024 * 1024;
/** How often what the disk refused is tried again, in ms, when nothing else is written. */
const retryMs = 1_000;
/** Files read at a time when the index is brought up to date. */
const readsAtOnce = 8;
/** Entries of one transaction of the index. */
const indexBatch = 64;
const dayMs = 86_400_000;

export interface JsonlRunStoreOptions {
  root: string;
  health: Health;
  logger: Logger;
  /** Answers only once the medium has the bytes, not just the operating system. */
  isSynced?: boolean;
  access?: FileAccess;
  maxPendingBytes?: number;
}

export class JsonlRunStore implements RunStore {
  readonly #root: string;
  readonly #health: Health;
  readonly #logger: Logger;
  readonly #isSynced: boolean;
  readonly #access: FileAccess;
  readonly #budget: PendingBudget;
  /** Files of runs that have not ended, or whose end the disk refuses. */
  readonly #active = new Map<string, RunFile>();
  /** Files with something that waits. */
  readonly #waiting = new Set<RunFile>();
  #index: Promise<RunIndex> | undefined;
  /** Ends of the updates of a folder in the index, one after another. */
  readonly #updates = new Map<string, Promise<void>>();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: JsonlRunStoreOptions) {
    this.#root = options.root;
    this.#health = options.health;
    this.#logger = options.logger;
    this.#isSynced = options.isSynced ?? false;
    this.#access = options.access ?? createFileAccess(new OpenHandles());
    this.#budget = { bytes: 0, maxBytes: options.maxPendingBytes ?? maxPendingBytes };
  }

  // I-9 holds by itself: the write is synchronous, so two of them are never under way together.
  append(run: RunRef, records: NewRecords): IsStored | Promise<IsStored> {
    let isStored = false;
    const file = this.#fileOf(run);
    try {
      isStored = file.append(records);
      this.#settle(file);
    } catch (error) {
      this.#refused(file, error as Error);
    }
    return isStored && this.#isSynced ? this.#sync(file) : isStored;
  }

  #fileOf(run: RunRef): RunFile {
    let file = this.#active.get(run.runId);
    if (!file) {
      file = new RunFile(run, this.#pathOf(run), this.#access, this.#budget);
      this.#active.set(run.runId, file);
      this.#markRoot();
    }
    return file;
  }

  #pathOf({ agentId, runId }: RunRef): string {
    return join(this.#root, folderNameOf(agentId), fileNameOf(runId));
  }

  /** Backup programs that know the marker leave the traces out. */
  #markRoot(): void {
    const marker = join(this.#root, backupMarker);
    if (existsSync(marker)) return;
    try {
      mkdirSync(this.#root, { recursive: true, mode: 0o700 });
      writeFileSync(marker, '', { mode: 0o600, flag: 'wx' });
    } catch (error) {
      this.#logger.debug({ err: error }, 'marker for backup programs not written');
    }
  }

  /** I-10: a refusal fails no call. */
  #refused(file: RunFile, error: Error): void {
    this.#health.degrade(component, error.message);
    const { runId: run_id, lostTurns: lost_turns } = file;
    this.#logger.warn({ err: error, run_id, ...(lost_turns > 0 && { lost_turns }) }, 'run not written');
    if (file.hasPending) {
      this.#waiting.add(file);
      this.#retryLater();
    } else if (file.hasEnded) this.#active.delete(file.runId);
  }

  /** Everything of the file is written. */
  #settle(file: RunFile): void {
    this.#waiting.delete(file);
    if (file.hasEnded) {
      this.#active.delete(file.runId);
      this.#access.handles.close(file.path);
    }
    if (this.#waiting.size === 0) this.#health.recover(component);
    else this.#retryLater();
  }

  #retryLater(): void {
    if (this.#retry || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#writeWaiting();
    }, retryMs);
    this.#retry.unref();
  }

  /** The first refusal ends the attempt: the others would be refused for the same reason. */
  #writeWaiting(): void {
    for (const file of [...this.#waiting]) {
      try {
        file.flush();
        this.#settle(file);
      } catch (error) {
        this.#health.degrade(component, (error as Error).message);
        this.#retryLater();
        return;
      }
    }
  }

  async #sync(file: RunFile): Promise<IsStored> {
    try {
      await file.sync();
      return true;
    } catch (error) {
      this.#health.degrade(component, (error as Error).message);
      this.#logger.warn({ err: error, run_id: file.runId }, 'run not flushed to the medium');
      return false;
    }
  }

  async ownerOf(runId: string): Promise<string | undefined> {
    const active = this.#active.get(runId);
    return active ? active.agentId : (await this.#find(runId))?.agentId;
  }

  async read(runId: string): Promise<StoredRun | undefined> {
    const active = this.#active.get(runId);
    const bytes = active ? await readOrEmpty(active.path) : (await this.#find(runId))?.bytes;
    // What waits for the disk is part of the run all the same.
    const waiting = active?.pending ?? [];
    const run = bytes && parseRun(bytes, waiting);
    if (run?.started.run_id !== runId) return undefined;
    const { started, ended, records, sizes } = run;
    return {
      runId,
      agentId: started.agent_id,
      startedAt: started.started_at,
      status: statusOf(ended?.termination),
      records,
      sizes,
      lostTurns: active?.lostTurns ?? ended?.lost_turns ?? 0,
    };
  }

  /** The file of a run: where the index says, or else wherever it is. */
  async #find(runId: string): Promise<{ agentId: string; bytes: Buffer } | undefined> {
    const file = fileNameOf(runId);
    const known = this.#index ? (await this.#index).foldersOf(file) : [];
    return (await this.#findIn(known, file, runId)) ?? (await this.#findIn(await this.#folders(), file, runId));
  }

  async #findIn(
    folders: readonly string[],
    file: string,
    runId: string,
  ): Promise<{ agentId: string; bytes: Buffer } | undefined> {
    for (let from = 0; from < folders.length; from += readsAtOnce * 8) {
      const some = folders.slice(from, from + readsAtOnce * 8);
      const paths = some.map((folder) => join(this.#root, folder, file));
      const found = await Promise.all(paths.map((path) => stat(path).then((info) => info.isFile(), isNothing)));
      for (const [at, path] of paths.entries()) {
        if (!found[at]) continue;
        const bytes = await readOrEmpty(path);
        const { started } = parseRun(bytes) ?? {};
        if (started?.run_id === runId) return { agentId: started.agent_id, bytes };
      }
    }
    return undefined;
  }

  async #folders(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async list(agentId: string): Promise<RunSummary[]> {
    const folder = folderNameOf(agentId);
    if (!existsSync(join(this.#root, folder))) return [];
    const index = await this.#update(folder);
    return index.list(folder).filter(({ agent_id }) => agent_id === agentId);
  }

  async search(query: RunQuery): Promise<RunSummary[]> {
    const folders = query.agentId === undefined ? await this.#folders() : [folderNameOf(query.agentId)];
    for (const folder of folders) await this.#update(folder);
    return folders.length === 0 ? [] : (await this.#open()).search(query);
  }

  async adoptOrphans(isLive: (runId: string) => boolean): Promise<number> {
    let adopted = 0;
    for (const folder of await this.#folders()) {
      const index = await this.#update(folder);
      const open = index.list(folder).filter(({ status }) => status === 'in_progress');
      for (const { run_id, agent_id } of open) {
        const path = join(this.#root, folder, fileNameOf(run_id));
        // From the test to the write nothing waits: no run can be opened in between.
        if (isLive(run_id) || this.#active.has(run_id)) continue;
        try {
          endFile(path, encodeEnded({ run_id, agent_id, termination: { kind: 'incomplete' }, ended_at: timestamp() }));
          adopted++;
        } catch (error) {
          this.#logger.warn({ err: error, run_id }, 'run of an earlier start not ended');
        }
      }
      if (open.length > 0) await this.#update(folder);
    }
    return adopted;
  }

  async collectGarbage({ maxPerAgent, maxAgeDays }: RunRetention): Promise<number> {
    let removed = 0;
    const oldest = maxAgeDays > 0 ? Date.now() - maxAgeDays * dayMs : Number.NEGATIVE_INFINITY;
    const isSurplus = ({ endedMs, startedMs }: EndedRow, rank: number): boolean =>
      (maxPerAgent > 0 && rank >= maxPerAgent) || (endedMs || startedMs) < oldest;
    for (const folder of await this.#folders()) {
      const index = await this.#update(folder);
      const surplus = index.endedOf(folder).filter(isSurplus);
      for (const { file } of surplus) {
        // Removed by another hand is removed all the same.
        await unlink(join(this.#root, folder, file)).catch(() => undefined);
      }
      if (surplus.length === 0) continue;
      removed += surplus.length;
      index.remove(
        folder,
        surplus.map(({ file }) => file),
      );
      // Only an empty one goes.
      await rmdir(join(this.#root, folder)).catch(() => undefined);
    }
    return removed;
  }

  #open(): Promise<RunIndex> {
    this.#index ??= RunIndex.open(join(this.#root, indexName));
    return this.#index;
  }

  /** Brings a folder of the index up to date with its files. Updates of one folder follow each other. */
  async #update(folder: string): Promise<RunIndex> {
    const index = await this.#open();
    const update = (this.#updates.get(folder) ?? Promise.resolve()).then(() => this.#updateNow(index, folder));
    const settled = update.catch(() => undefined);
    this.#updates.set(folder, settled);
    await update;
    if (this.#updates.get(folder) === settled) this.#updates.delete(folder);
    return index;
  }

  /** A file that has ended is not read again: nothing is ever added to it. */
  async #updateNow(index: RunIndex, folder: string): Promise<void> {
    const path = join(this.#root, folder);
    const known = await index.statusesOf(folder);
    const files = (await readdir(path).catch(() => [])).filter((name) => name.endsWith(runExtension));
    const present = new Set(files);
    const gone = [...known.keys()].filter((file) => !present.has(file));
    if (gone.length > 0) index.remove(folder, gone);
    const unread = files.filter((file) => !isFinal(known.get(file)));
    for (let from = 0; from < unread.length; from += indexBatch) {
      const batch = unread.slice(from, from + indexBatch);
      const entries: IndexEntry[] = [];
      for (let at = 0; at < batch.length; at += readsAtOnce) {
        const some = batch.slice(at, at + readsAtOnce);
        entries.push(...(await Promise.all(some.map((file) => this.#readEntry(folder, file)))));
      }
      if (this.#isClosed) return;
      index.put(entries);
    }
  }

  async #readEntry(folder: string, file: string): Promise<IndexEntry> {
    const facts = summarizeRun(await readOrEmpty(join(this.#root, folder, file)));
    // A file under a name that is not its run's is another run's by mistake or by malice.
    const isNamed = facts && fileNameOf(facts.run_id) === file && folderNameOf(facts.agent_id) === folder;
    return { folder, file, facts: isNamed ? facts : undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#writeWaiting();
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#updates.values());
    this.#access.handles[Symbol.dispose]();
    (await this.#index)?.[Symbol.dispose]();
  }
}

async function readOrEmpty(path: string): Promise<Buffer> {
  return await readFile(path).catch(() => Buffer.alloc(0));
}

function isNothing(): false {
  return false;
}

function isFinal(status: RunFacts['status'] | undefined): boolean {
  return status === 'completed' || status === 'incomplete';
}
