// The built-in tools: arithmetic here, files in worker threads.
import { BoundedCache, ToolRegistry, type JsonObject } from '@car-runtime/engine';
import { JobError, JobWorker } from '../../infra/job-worker.ts';
import { calculate, CalculationError } from './calculate/calculate.ts';
import { builtinTools, fileTools, type FileTool } from './definitions.ts';
import type { FileJob, FileOutcome, RootJob } from './files/jobs.ts';
import { Turnstile } from './turnstile.ts';

export interface BuiltinToolsOptions {
  /** Root folder of sessions that name none. Without it they have none. */
  readonly toolRoot: string | undefined;
  /** Absolute paths of the daemon's own files and folders: no tool reads or writes there. */
  readonly privatePaths: readonly string[];
  /** Takes note of a fault of ours; the caller is told only that there was one. */
  onFault(error: unknown, tool: string): void;
}

/** More than a search takes by itself, and more than any disk that still answers needs. */
const limitMs = 30_000;
const maxWaiting = 256;
const maxHeapMb = 256;
const searchThreads = 2;
const readsAtOnce = 16;

const noRoot =
  'this session has no root folder; call agents.register_basics with { "root": "/absolute/path" }, or start the daemon with --tool-root';

const isFileTool = new Set<string>(fileTools);
const verbs: Readonly<Record<FileTool, string>> = {
  read_file: 'read',
  list_dir: 'list',
  find_files: 'search',
  grep_files: 'search',
  write_file: 'write',
  edit_file: 'edit',
};

export class BuiltinTools implements AsyncDisposable {
  readonly options: BuiltinToolsOptions;
  /** Checks the parameters of calls that came past the session's own registry. */
  readonly #schemas = new ToolRegistry();
  /** One thread, so that no two changes of files overlap; searches, which take longer, have their own. */
  readonly #files = createThread('car-files');
  readonly #searches = Array.from({ length: searchThreads }, () => createThread('car-search'));

  constructor(options: BuiltinToolsOptions) {
    this.options = options;
    for (const tool of builtinTools) this.#schemas.add(tool);
  }

  has(tool: string): boolean {
    return this.#schemas.has(tool);
  }

  openSession(): BuiltinSession {
    return new BuiltinSession(this);
  }

  /** What is wrong with calling a tool this way, or null. */
  async problemOf(tool: string, parameters: JsonObject): Promise<string | null> {
    await this.#schemas.prepare(tool);
    return this.#schemas.check(tool, parameters);
  }

  /** The canonical path of a root; rejects with a `JobError` that says what is wrong with it. */
  async findRoot(path: string, isExposed = false): Promise<string> {
    const { toolRoot: base, privatePaths } = this.options;
    const job: RootJob = { kind: 'root', path, base, privatePaths, isExposed };
    return (await this.#files.run(job)) as string;
  }

  async runFileJob(job: FileJob, signal: AbortSignal | undefined): Promise<FileOutcome> {
    const thread = isSearch(job.kind)
      ? this.#searches.reduce((best, each) => (each.load < best.load ? each : best))
      : this.#files;
    return (await thread.run(job, signal)) as FileOutcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#files, ...this.#searches].map((thread) => thread[Symbol.asyncDispose]()));
  }
}

/** What one session has: its root folder, and what it has read of it. */
export class BuiltinSession {
  readonly #tools: BuiltinTools;
  #root: string | undefined;
  /** Digest of the content last seen, by path. What falls out has to be read again before it is changed. */
  #seen = createLedger();
  /** One after another, so that each change sees what the one before it left. */
  readonly #changes = new Turnstile(1);
  /** So few that no session keeps the threads from the others. */
  readonly #reads = new Turnstile(readsAtOnce);
  readonly #searches = new Turnstile(1);

  constructor(tools: BuiltinTools) {
    this.#tools = tools;
  }

  /** Chooses the root folder: an absolute path, or one beneath the daemon's own root. */
  async setRoot(path: string): Promise<void> {
    this.#root = await this.#tools.findRoot(path);
    this.#seen = createLedger();
  }

  /** Runs a built-in tool; the message of every rejection is meant for whoever called it. */
  async call(tool: string, parameters: JsonObject, signal?: AbortSignal): Promise<unknown> {
    const problem = await this.#tools.problemOf(tool, parameters);
    if (problem !== null) throw new Error(`Cannot run ${tool}: ${problem}`);
    if (tool === 'calculate') return { result: calculateFor(parameters['expression'] as string) };
    return await this.#turnsOf(tool as FileTool).run(() => this.#runOnFiles(tool as FileTool, parameters, signal));
  }

  #turnsOf(tool: FileTool): Turnstile {
    if (tool === 'write_file' || tool === 'edit_file') return this.#changes;
    return isSearch(tool) ? this.#searches : this.#reads;
  }

  async #runOnFiles(tool: FileTool, parameters: JsonObject, signal: AbortSignal | undefined): Promise<unknown> {
    const path = typeof parameters['path'] === 'string' ? parameters['path'] : '.';
    try {
      const { privatePaths } = this.#tools.options;
      const root = await this.#rootFolder();
      const key = path
        .split('/')
        .filter((name) => name !== '' && name !== '.')
        .join('/');
      const seen = this.#seen;
      // The schema of the tool was checked, and it describes the type of its job's parameters.
      const job = { kind: tool, root, privatePaths, parameters, seen: seen.get(key) } as unknown as FileJob;
      const { output, digest } = await this.#tools.runFileJob(job, signal);
      if (digest !== undefined) seen.set(key, digest, digest.length);
      return output;
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw this.#explain(error, tool, path);
    }
  }

  async #rootFolder(): Promise<string> {
    const { toolRoot } = this.#tools.options;
    if (this.#root !== undefined) return this.#root;
    if (toolRoot === undefined) throw new JobError(noRoot);
    try {
      const root = await this.#tools.findRoot(toolRoot);
      return (this.#root ??= root);
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      throw new JobError(`the daemon's root folder cannot be used: ${error.message}`, { cause: error });
    }
  }

  #explain(error: unknown, tool: FileTool, path: string): Error {
    const shown = JSON.stringify(path.length <= 200 ? path : `${path.slice(0, 200)}…`);
    const prefix = `Cannot ${verbs[tool]} ${shown}`;
    if (error instanceof JobError) return new Error(`${prefix}: ${error.message}`, { cause: error });
    this.#tools.options.onFault(error, tool);
    return new Error(`${prefix}: the daemon failed; its log says why`, { cause: error });
  }
}

function isSearch(tool: FileTool): boolean {
  return tool === 'find_files' || tool === 'grep_files';
}

export function isFileToolName(tool: string): boolean {
  return isFileTool.has(tool);
}

function calculateFor(expression: string): number {
  try {
    return calculate(expression);
  } catch (error) {
    if (!(error instanceof CalculationError)) throw error;
    throw new Error(`Cannot calculate: ${error.message}`, { cause: error });
  }
}

function createThread(name: string): JobWorker {
  const module = new URL('./files/file-worker.ts', import.meta.url);
  return new JobWorker({ module, name, limitMs, maxWaiting, resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } });
}

function createLedger(): BoundedCache<string> {
  return new BoundedCache(1_000, 1024 * 1024);
}
