// The owner of a manifest: holds its lock, keeps its agents running, ends them with the daemon.
import { join } from 'node:path';
import { fail, type AgentManifest } from '@car-runtime/protocol';
import { takeFileLock, type FileLock } from '../../infra/file-lock.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { AgentProcess, type Exit } from './agent-process.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { SupervisorCredentials } from './credentials.ts';
import { digestOf } from './digest.ts';
import { environmentFor, type ChildFacts } from './environment.ts';
import { endLeftovers, findLeftovers } from './leftovers.ts';
import { LogFile, type LogLimits, type LogStream } from './log-file.ts';
import { makeFolderOf, ManifestStore } from './manifest-store.ts';
import { PidFiles } from './pid-files.ts';
import { SupervisedAgent, type AgentPorts } from './supervised-agent.ts';

/** Agents of one manifest. */
const maxAgents = 1_000;
/** A spec as JSON: all of them are sent in one answer. */
const maxSpecBytes = 64 * 1024;

export interface SupervisorOptions {
  manifestPath: string;
  /** Folder of `logs/` and `run/`. */
  stateRoot: string;
  credentials: SupervisorCredentials;
  childFacts(): ChildFacts;
  logLimits: LogLimits;
  stopGraceMs: number;
  health: Health;
  logger: Logger;
  onChange(agent: SupervisedAgent, kind: 'upserted' | 'removed' | 'status'): void;
  onEnded(agentId: string, exit: Exit): void;
  /** What a process wrote, once it is in its log. */
  onWritten(agentId: string, stream: LogStream, bytes: Buffer): void;
}

export class Supervisor implements AsyncDisposable {
  readonly logFolder: string;
  readonly #options: SupervisorOptions;
  readonly #lock: FileLock;
  readonly #store: ManifestStore;
  readonly #pidFiles: PidFiles;
  readonly #agents = new Map<string, SupervisedAgent>();
  readonly #ports: AgentPorts;
  #isClosing = false;

  /** Takes the manifest, or returns `undefined` when another daemon has it. Throws when the manifest cannot be used. */
  static open(options: SupervisorOptions): Supervisor | undefined {
    makeFolderOf(options.manifestPath);
    const lock = takeFileLock(`${options.manifestPath}.lock`);
    if (!lock) return undefined;
    try {
      return new Supervisor(options, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(options: SupervisorOptions, lock: FileLock) {
    this.#options = options;
    this.#lock = lock;
    this.logFolder = join(options.stateRoot, 'logs');
    this.#pidFiles = new PidFiles(join(options.stateRoot, 'run'));
    this.#store = new ManifestStore(options.manifestPath);
    this.#ports = {
      launch: (spec) => this.#launch(spec),
      foreignInstance: (id) => this.#pidFiles.foreignInstance(id),
      onChange: (agent) => this.#onChange(agent),
      onEnded: (agent, exit) => this.#onEnded(agent, exit),
      stopGraceMs: options.stopGraceMs,
    };
    const specs = this.#store.load();
    this.#mintMissing(specs);
    this.#store.mirror(specs);
    for (const spec of specs.values()) this.#add(spec);
    this.#endLeftovers(specs);
    process.on('exit', this.#killAll);
  }

  get manifestPath(): string {
    return this.#options.manifestPath;
  }

  get agents(): Iterable<SupervisedAgent> {
    return this.#agents.values();
  }

  find(id: string): SupervisedAgent | undefined {
    return this.#agents.get(id);
  }

  get(id: string): SupervisedAgent {
    const agent = this.#agents.get(id);
    if (!agent) throw unknownAgent(id);
    return agent;
  }

  /** Starts what is to run from the beginning. One that cannot be started stops no other. */
  async startAll(): Promise<void> {
    const wanted = [...this.#agents.values()].filter(({ spec }) => spec.auto_start);
    await Promise.all(wanted.map((agent) => this.start(agent)));
  }

  async start(agent: SupervisedAgent): Promise<void> {
    if (this.#isClosing) throw fail('failed', `Cannot start agent "${agent.id}": the daemon is shutting down`);
    await agent.start();
    if (agent.isRemoved) throw unknownAgent(agent.id);
  }

  async stop(agent: SupervisedAgent, signal: 'term' | 'kill'): Promise<void> {
    try {
      await agent.stop(signal);
    } catch (error) {
      throw fail('failed', `Cannot stop agent "${agent.id}": ${(error as Error).message}`, { cause: error });
    }
  }

  /** Stores a spec; an empty token keeps the old one, or is minted. Starts nothing. */
  upsert(input: AgentSpec, manifest?: AgentManifest): SupervisedAgent {
    const known = this.#agents.get(input.id);
    if (!known) this.#checkRoomFor(input.id);
    const token = input.token || known?.spec.token || this.#options.credentials.mint();
    const spec = { ...input, token };
    const bytes = Buffer.byteLength(JSON.stringify(spec));
    if (bytes > maxSpecBytes)
      throw fail('failed', `Cannot store agent "${spec.id}": its spec takes ${bytes} bytes, limit ${maxSpecBytes}`, {
        data: { reason: 'too_large' },
      });
    const all = new Map([...this.#agents].map(([id, agent]) => [id, agent.spec]));
    all.set(spec.id, spec);
    this.#storing(spec.id, () => {
      if (manifest) this.#store.install(manifest, spec, all);
      else this.#store.save(spec, all);
    });
    const agent = known ?? this.#add(spec);
    agent.spec = spec;
    // Last: whoever held the old token is cut off, and could not come back with it.
    this.#options.credentials.set(spec.id, token);
    this.#options.onChange(agent, 'upserted');
    return agent;
  }

  /** Stores a manifest that describes no process of ours. */
  storeManifest(manifest: AgentManifest): void {
    const { id } = manifest.agent;
    if (this.#agents.has(id))
      throw fail('failed', `Cannot install "${id}": an agent of that id is supervised; remove it first`);
    this.#checkRoomFor(id);
    this.#storing(id, () => this.#store.install(manifest, undefined, new Map()));
  }

  /** Stops it and forgets it. Returns whether there was one. */
  async remove(id: string): Promise<boolean> {
    const agent = this.#agents.get(id);
    if (agent) await this.stop(agent, 'term');
    // Between here and the end nothing waits, so nobody starts it meanwhile.
    if (agent && this.#agents.get(id) !== agent) return false;
    if (agent?.isActive) return await this.remove(id);
    const isKnown = agent !== undefined || this.#store.has(id);
    if (!isKnown) return false;
    const rest = new Map([...this.#agents].filter(([each]) => each !== id).map(([each, { spec }]) => [each, spec]));
    this.#storing(id, () => this.#store.remove(id, rest));
    if (!agent) return true;
    agent.isRemoved = true;
    this.#agents.delete(id);
    this.#options.credentials.revoke(id);
    this.#options.onChange(agent, 'removed');
    return true;
  }

  /** Entries that somebody wrote by hand have no token yet. */
  #mintMissing(specs: Map<string, AgentSpec>): void {
    for (const [id, spec] of specs) {
      if (spec.token !== '') continue;
      const minted = { ...spec, token: this.#options.credentials.mint() };
      this.#store.save(minted, specs.set(id, minted));
    }
  }

  #add(spec: AgentSpec): SupervisedAgent {
    const agent = new SupervisedAgent(spec, this.#ports);
    this.#agents.set(spec.id, agent);
    this.#options.credentials.set(spec.id, spec.token);
    return agent;
  }

  /** Ids are names of files, and some file systems take two of them for one. */
  #checkRoomFor(id: string): void {
    const ids = [...this.#agents.keys(), ...this.#store.installedIds];
    const twin = ids.find((each) => each !== id && each.toLowerCase() === id.toLowerCase());
    if (twin !== undefined)
      throw fail('failed', `Cannot store agent "${id}": it differs from agent "${twin}" only in upper and lower case`);
    if (new Set(ids).size >= maxAgents)
      throw fail('overloaded', `Cannot store agent "${id}": there are ${maxAgents} agents, the limit`);
  }

  #storing(id: string, store: () => void): void {
    try {
      store();
      this.#options.health.recover('agents manifest');
    } catch (error) {
      const why = (error as Error).message;
      this.#options.health.degrade('agents manifest', why);
      throw fail('failed', `Cannot store agent "${id}": ${why}`, { data: { reason: 'not_stored' }, cause: error });
    }
  }

  async #launch(spec: AgentSpec): Promise<AgentProcess> {
    if (spec.sha256 !== undefined) {
      const digest = await digestOf(spec.command);
      if (digest !== spec.sha256)
        throw new Error(`command "${spec.command}" has changed: its SHA-256 is ${digest}, not ${spec.sha256}`);
    }
    if (this.#isClosing) throw new Error('the daemon is shutting down');
    const logs = { stdout: this.#openLog(spec.id, 'stdout'), stderr: this.#openLog(spec.id, 'stderr') };
    const env = environmentFor(spec, this.#options.childFacts());
    const close = (): void => Object.values(logs).forEach((log) => log[Symbol.dispose]());
    try {
      const launched = await AgentProcess.launch(
        { command: spec.command, args: spec.args, cwd: spec.cwd, env, logs },
        (pid) => this.#record(spec.id, pid),
      );
      void launched.ended.then(close);
      return launched;
    } catch (error) {
      close();
      throw error;
    }
  }

  /** A process that cannot be recorded runs on: its variables tell whose it is. */
  #record(id: string, pid: number): void {
    try {
      this.#pidFiles.write(id, pid, this.manifestPath);
      this.#options.health.recover('agents run files');
    } catch (error) {
      this.#options.health.degrade('agents run files', (error as Error).message);
    }
  }

  #openLog(id: string, stream: LogStream): LogFile {
    const { health, logLimits } = this.#options;
    const onProblem = (error: Error | undefined): void =>
      error ? health.degrade('agents logs', error.message) : health.recover('agents logs');
    const onWritten = (bytes: Buffer): void => this.#options.onWritten(id, stream, bytes);
    return new LogFile(this.logFolder, { id, stream, limits: logLimits, onProblem, onWritten });
  }

  #onChange(agent: SupervisedAgent): void {
    const { logger, onChange } = this.#options;
    const { id, status, pid, lastError, restartCount } = agent;
    const fields = { agent_id: id, status, pid, restart_count: restartCount, reason: lastError };
    if (status === 'errored') logger.warn(fields, 'agent gave up');
    else logger.debug(fields, 'agent changed');
    onChange(agent, 'status');
  }

  #onEnded(agent: SupervisedAgent, exit: Exit): void {
    this.#pidFiles.remove(agent.id);
    this.#options.onEnded(agent.id, exit);
  }

  /** What a daemon that was killed left behind is ended; agents it belongs to wait until it is gone. */
  #endLeftovers(specs: ReadonlyMap<string, AgentSpec>): void {
    const { logger, stopGraceMs } = this.#options;
    for (const [id, leftovers] of findLeftovers(specs, this.#pidFiles, this.manifestPath)) {
      const pids = leftovers.map(({ pid }) => pid);
      logger.warn({ agent_id: id, pids }, 'ending what an earlier daemon left running');
      const ended = endLeftovers(leftovers, stopGraceMs).then(() => {
        if (this.#pidFiles.foreignInstance(id) === undefined) this.#pidFiles.remove(id);
      });
      ended.catch((error: unknown) => logger.error({ err: error, agent_id: id }, 'leftovers not ended'));
      this.#agents.get(id)?.holdBack(ended);
    }
  }

  /** However this process ends, short of being killed. */
  readonly #killAll = (): void => {
    for (const agent of this.#agents.values()) agent.killNow();
  };

  /** Ends every agent, then gives up the manifest. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const stops = [...this.#agents.values()].map((agent) => agent.stop('term', graceMs));
    for (const [index, stopped] of (await Promise.allSettled(stops)).entries()) {
      if (stopped.status === 'rejected')
        this.#options.logger.error({ err: stopped.reason, agent: [...this.#agents.keys()][index] }, 'agent not ended');
    }
    process.off('exit', this.#killAll);
    this.#lock[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(this.#options.stopGraceMs);
  }
}

export function unknownAgent(id: string): Error {
  return fail('failed', `agent ${JSON.stringify(id)} not found`, { data: { reason: 'agent_not_found' } });
}
