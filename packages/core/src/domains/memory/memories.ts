// Which memory a connection works on (Memory, Memory scopes), and the memories that are loaded.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clampUtility, MemoryEngine, type Ranked, type RankJob, type Utility } from '@car-runtime/memory';
import { fail, type MemoryScope } from '@car-runtime/protocol';
import { OpenHandles } from '../../infra/append-file.ts';
import { takeFileLock, type FileLock } from '../../infra/file-lock.ts';
import { JobWorker } from '../../infra/job-worker.ts';
import { makePrivateFolder } from '../../infra/private-file.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { KeptMemory } from './kept-memory.ts';
import { MemoryFile } from './store/memory-file.ts';
import type { WriteBytes } from './store/record-file.ts';
import { agentPath, lockFile, namespacePath, sharedFile } from './store/memory-names.ts';

/** Namespaces that are loaded; beyond it the one unused longest is closed, which loses nothing. */
const maxNamespaces = 256;
const rankLimitMs = 60_000;
const compactLimitMs = 10 * 60_000;
const filesLimitMs = 10 * 60_000;
const maxWaitingJobs = 256;

export interface MemoriesOptions {
  /** Folder of all memories. Nothing is made there before something is kept. */
  root: string;
  /** The embedder's, which it keeps itself. */
  shared?: MemoryEngine | undefined;
  /** One memory for all connections, kept in a file. */
  keepsShared?: boolean;
  /** Of every memory that is made here, until `memory.utility_set`. */
  utility?: Utility | undefined;
  health: Health;
  logger: Logger;
  maxNamespaces?: number | undefined;
  /** For tests. */
  minGrowthBytes?: number | undefined;
  /** For tests. */
  write?: WriteBytes | undefined;
}

export class Memories implements AsyncDisposable {
  readonly root: string;
  readonly #options: MemoriesOptions;
  readonly #handles = new OpenHandles();
  readonly #ranking = createThread('memory-rank', new URL('./rank-worker.ts', import.meta.url), rankLimitMs);
  readonly #compactor = createThread(
    'memory-compact',
    new URL('./store/compact-worker.ts', import.meta.url),
    compactLimitMs,
  );
  /** Reads and writes the files of `memory.persist` and `memory.load`. */
  readonly files = createThread('memory-files', new URL('./file-worker.ts', import.meta.url), filesLimitMs);
  /** By path of its file. */
  readonly #loaded = new Map<string, KeptMemory | Promise<KeptMemory>>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #shared: KeptMemory | undefined;
  readonly #ownOf: (connection: Connection) => KeptMemory;
  readonly #usedBy = perConnection((connection) => {
    const used = new Set<KeptMemory>();
    connection.scope.defer(() => {
      for (const memory of used) {
        memory.users--;
        memory.feed.unwatch(connection);
      }
    });
    return used;
  });
  /** What hosts look into instead of their own. */
  readonly #selections = new WeakMap<Connection, MemoryScope & { name: string }>();
  #lock: FileLock | undefined;
  #unkeptShared: KeptMemory | undefined;

  constructor(options: MemoriesOptions) {
    this.#options = options;
    this.root = options.root;
    this.#shared = options.shared && new KeptMemory(options.shared, { isOwned: false });
    this.#ownOf = perConnection(() => new KeptMemory(this.#create()));
  }

  /** The namespace decides, else the agent, else what is shared, else a memory of the connection's own. */
  memoryOf(connection: Connection): KeptMemory | Promise<KeptMemory> {
    const { memoryNamespace, agentId } = connection;
    const selected = this.#selections.get(connection);
    let memory: KeptMemory | Promise<KeptMemory>;
    if (selected?.kind === 'namespace') memory = this.#kept(namespacePath(this.root, selected.name), true);
    else if (selected) memory = this.#kept(agentPath(this.root, selected.name));
    else if (memoryNamespace !== undefined) memory = this.#kept(namespacePath(this.root, memoryNamespace), true);
    else if (agentId !== undefined) memory = this.#kept(agentPath(this.root, agentId));
    else if (this.#shared) memory = this.#shared;
    else if (this.#options.keepsShared) memory = this.#keptShared();
    else memory = this.#ownOf(connection);
    return memory instanceof Promise
      ? memory.then((loaded) => this.#used(connection, loaded))
      : this.#used(connection, memory);
  }

  selectedBy(connection: Connection): MemoryScope {
    return this.#selections.get(connection) ?? { kind: 'own' };
  }

  /** Has a host work on another memory from now on. One that an agent does not have is not made for it. */
  select(connection: Connection, { kind, name = '' }: MemoryScope): void {
    if (kind === 'own') this.#selections.delete(connection);
    else {
      const path = kind === 'namespace' ? namespacePath(this.root, name) : agentPath(this.root, name);
      if (kind === 'agent' && !this.#loaded.has(path) && !existsSync(path)) {
        throw fail('failed', `Cannot select the memory of agent ${JSON.stringify(name)}: it has none`, {
          data: { reason: 'unknown_memory' },
        });
      }
      this.#selections.set(connection, { kind, name });
    }
    const used = this.#usedBy(connection);
    for (const memory of used) {
      memory.users--;
      memory.feed.unwatch(connection);
    }
    used.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const loaded = await Promise.allSettled([...this.#loaded.values()].map(async (memory) => await memory));
    this.#loaded.clear();
    for (const each of loaded) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
    await Promise.all(this.#closing.values());
    await this.#shared?.[Symbol.asyncDispose]();
    await this.#unkeptShared?.[Symbol.asyncDispose]();
    await this.#ranking[Symbol.asyncDispose]();
    await this.#compactor[Symbol.asyncDispose]();
    await this.files[Symbol.asyncDispose]();
    this.#handles[Symbol.dispose]();
    this.#lock?.[Symbol.dispose]();
  }

  #used(connection: Connection, memory: KeptMemory): KeptMemory {
    // Nobody would take its use back: what it owned is gone.
    const used = connection.isClosed ? undefined : this.#usedBy(connection);
    if (used && !used.has(memory)) {
      used.add(memory);
      memory.users++;
    }
    memory.lastUsedMs = Date.now();
    return memory;
  }

  #create(): MemoryEngine {
    const engine = new MemoryEngine({
      rankElsewhere: async (job: RankJob) => (await this.#ranking.run(job)) as Ranked[],
    });
    const { weight = 0, exploration = 0 } = this.#options.utility ?? {};
    engine.reader.utility = clampUtility(weight, exploration);
    return engine;
  }

  #keptShared(): KeptMemory | Promise<KeptMemory> {
    const path = join(this.root, sharedFile);
    if (this.#loaded.has(path) || this.#takeLock()) return this.#kept(path);
    if (!this.#unkeptShared) {
      this.#unkeptShared = new KeptMemory(this.#create());
      this.#options.logger.warn({ path }, 'another daemon keeps the shared memory: this one keeps its own in memory');
    }
    return this.#unkeptShared;
  }

  #kept(path: string, isNamespace = false): KeptMemory | Promise<KeptMemory> {
    const known = this.#loaded.get(path);
    if (known) return known;
    if (!this.#takeLock()) {
      throw fail('failed', `Cannot open the memory ${path}: another daemon has the memories of this state root open`, {
        data: { reason: 'memory_in_use' },
      });
    }
    if (isNamespace) this.#makeRoom();
    const loading = this.#load(path);
    this.#loaded.set(path, loading);
    // Tried again by the next call: what was wrong may be mended.
    loading.then(
      (memory) => void this.#loaded.set(path, memory),
      () => void this.#loaded.delete(path),
    );
    return loading;
  }

  async #load(path: string): Promise<KeptMemory> {
    await this.#closing.get(path);
    const { health, logger, minGrowthBytes, write } = this.#options;
    const engine = this.#create();
    try {
      const compactor = this.#compactor;
      const file = await MemoryFile.open(engine, {
        path,
        handles: this.#handles,
        compactor,
        health,
        logger,
        minGrowthBytes,
        write,
      });
      return new KeptMemory(engine, { file });
    } catch (error) {
      engine[Symbol.dispose]();
      const why = (error as Error).message;
      logger.error({ err: error, path }, 'memory not loaded');
      throw fail('failed', `Cannot open the memory ${path}: ${why}`, {
        data: { reason: 'memory_unreadable' },
        cause: error,
      });
    }
  }

  #takeLock(): boolean {
    if (this.#lock) return true;
    makePrivateFolder(this.root);
    this.#lock = takeFileLock(join(this.root, lockFile));
    return this.#lock !== undefined;
  }

  #makeRoom(): void {
    const { maxNamespaces: limit = maxNamespaces } = this.#options;
    const isNamespace = (path: string): boolean =>
      path.startsWith(namespacePath(this.root, '').slice(0, -'.jsonl'.length));
    const loaded = [...this.#loaded].filter(([path]) => isNamespace(path));
    if (loaded.length < limit) return;
    let oldest: [string, KeptMemory] | undefined;
    for (const [path, memory] of loaded) {
      if (memory instanceof Promise || memory.users > 0) continue;
      if (!oldest || memory.lastUsedMs < oldest[1].lastUsedMs) oldest = [path, memory];
    }
    if (!oldest) throw fail('overloaded', `Cannot open another memory namespace: ${limit} are in use, the limit`);
    const [path, memory] = oldest;
    this.#loaded.delete(path);
    const closing = memory[Symbol.asyncDispose]().finally(() => this.#closing.delete(path));
    this.#closing.set(path, closing);
  }
}

function createThread(name: string, module: URL, limitMs: number): JobWorker {
  return new JobWorker({ module, name, limitMs, maxWaiting: maxWaitingJobs });
}
