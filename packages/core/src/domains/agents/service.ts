// The behaviour of `agents.*`: who owns the manifest, what is done with it, and what others are told.
import { join } from 'node:path';
import { fail, type AgentManifest, type HostAgent, type ManagedAgent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { InstallOnce, type Installation } from '../../kernel/install-once.ts';
import { Listeners } from '../../kernel/listeners.ts';
import type { Exit } from './agent-process.ts';
import { toSpec, type AgentSpec, type SpecInput } from './agent-spec.ts';
import { commandProblem, resolveInterpreter } from './command.ts';
import { AgentFeed, type WatchStart } from './feed.ts';
import type { AgentLinks, AgentsOptions } from './index.ts';
import { checkManifest, checkSignature, type MissingFeature, type SignatureState } from './install.ts';
import { LogFeeds, type LogStart } from './log-feed.ts';
import { logPath, type LogStream } from './log-file.ts';
import { ManifestError, ManifestStore } from './manifest-store.ts';
import { ResourceSampler } from './resources.ts';
import type { AgentStatus, SupervisedAgent } from './supervised-agent.ts';
import { Supervisor, unknownAgent } from './supervisor.ts';
import { tailLog, type TailWindow } from './tail-log.ts';
import { toHostAgent, toManaged, toObserved } from './view.ts';

export type ManifestRole = 'owner' | 'observer' | 'none';

export interface Tail {
  stdout: TailWindow;
  stderr: TailWindow;
  stdoutPath: string;
  stderrPath: string;
}

const nothing: TailWindow = { lines: [], total: 0, hasMore: false };

export class AgentService implements AsyncDisposable {
  readonly feed = new AgentFeed();
  readonly logs: LogFeeds;
  readonly onEnded = new Listeners<[agentId: string, exit: Exit]>();
  readonly #options: AgentsOptions;
  /** The manifest that another daemon holds. */
  readonly #observed = new InstallOnce<string>();
  readonly #changed = new Listeners<[]>();
  readonly #resources: ResourceSampler;
  readonly #attachments: Disposable;
  #supervisor: Supervisor | undefined;
  #daemonUrl: string | undefined;
  #isClosed = false;
  /** Logs are read one at a time: each may take megabytes. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#resources = new ResourceSampler(() => this.#supervisor?.agents ?? []);
    this.logs = new LogFeeds({
      pathOf: (id, stream) => logPath(this.#resolve().logFolder, id, stream),
      isRunning: (id) => this.#supervisor?.find(id)?.pid !== undefined,
    });
    const attachments = new DisposableStack();
    attachments.use(options.attachments.onAttached((id) => this.#tell('attached', id)));
    attachments.use(options.attachments.onDetached((id) => this.#tell('detached', id)));
    this.#attachments = attachments;
  }

  /** What this process is to the manifest. Asking never takes the lock. */
  get role(): ManifestRole {
    if (this.#supervisor) return 'owner';
    return this.#observed.value === undefined ? 'none' : 'observer';
  }

  get manifestPath(): string {
    return this.#supervisor?.manifestPath ?? this.#observed.value ?? this.#options.manifestPath;
  }

  /** For other domains. */
  get links(): AgentLinks {
    return { ...this.#options.attachments, onEnded: (listener) => this.onEnded.add(listener) };
  }

  /** Files with tokens. */
  get privatePaths(): string[] {
    const store = new ManifestStore(this.#options.manifestPath);
    return [store.path, store.folder];
  }

  /** Another daemon holds this manifest. Said once; a later path is refused. */
  markObserver(path: string): Installation<string> {
    return this.#observed.install(path);
  }

  /** Takes the manifest, or becomes its observer. Throws when it cannot be read. */
  open(daemonUrl?: string): ManifestRole {
    this.#daemonUrl = daemonUrl ?? this.#daemonUrl;
    if (this.role === 'none') this.#open();
    return this.role;
  }

  /** Starts every agent that is to run from the beginning. */
  async startAll(): Promise<void> {
    try {
      await this.#supervisor?.startAll();
    } catch (error) {
      if (!this.#isClosed) this.#options.logger.error({ err: error }, 'agents not started');
    }
  }

  async list(): Promise<ManagedAgent[]> {
    const supervisor = this.#supervisorIfAny();
    if (!supervisor) return [...this.#observedSpecs().values()].map(toObserved);
    await this.#resources.refresh();
    return [...supervisor.agents].map((agent) => this.#shown(agent));
  }

  /** Those of our own, as they are now. Neither takes nor reads anything. */
  current(): ManagedAgent[] {
    return [...(this.#supervisor?.agents ?? [])].map((agent) => this.#shown(agent));
  }

  /** Those that say what they can do, as hosts see agents. */
  hostAgents(): HostAgent[] {
    return this.current().flatMap((agent) => (agent.capabilities ? [toHostAgent(agent)] : []));
  }

  health(): { id: string; command: string; problem: string | undefined }[] {
    const supervisor = this.#supervisorIfAny();
    const specs = supervisor ? [...supervisor.agents].map(({ spec }) => spec) : [...this.#observedSpecs().values()];
    return specs.map(({ id, command }) => ({ id, command, problem: commandProblem(command) }));
  }

  upsert(input: SpecInput, command: string | undefined, interpreter: string | undefined): ManagedAgent {
    const supervisor = this.#resolve();
    return this.#shown(supervisor.upsert(this.#specOf(input, command, interpreter)));
  }

  async install(
    manifest: AgentManifest,
  ): Promise<{ missing: MissingFeature[]; agent: ManagedAgent | undefined; signature: SignatureState }> {
    const supervisor = this.#resolve();
    const { agent, transport } = manifest;
    const missing = checkManifest(manifest);
    const signature = checkSignature(manifest, join(this.#options.stateRoot, 'publishers'));
    this.#logSignature(agent.id, signature);
    if (transport.kind === 'pure_data' || (transport.command == null && transport.interpreter == null)) {
      supervisor.storeManifest(manifest);
      return { missing, agent: undefined, signature };
    }
    const input = { ...transport, id: agent.id, name: agent.name };
    const spec = this.#specOf(input, transport.command ?? undefined, transport.interpreter ?? undefined);
    const stored = supervisor.upsert(spec, manifest);
    // What does not come from its publisher is not started unasked; under strict roles, nor is what might not.
    const isTrusted = signature === 'valid' || (signature !== 'invalid' && !this.#options.hasStrictRoles());
    if (spec.auto_start && isTrusted) await supervisor.start(stored);
    return { missing, agent: this.#shown(stored), signature };
  }

  async remove(id: string): Promise<boolean> {
    return await this.#resolve().remove(id);
  }

  async start(id: string): Promise<ManagedAgent> {
    const supervisor = this.#resolve();
    const agent = supervisor.get(id);
    await supervisor.start(agent);
    return this.#shown(agent);
  }

  async stop(id: string, signal: 'term' | 'kill'): Promise<ManagedAgent> {
    const supervisor = this.#resolve();
    const agent = supervisor.get(id);
    await supervisor.stop(agent, signal);
    return this.#shown(agent);
  }

  async restart(id: string): Promise<ManagedAgent> {
    const supervisor = this.#resolve();
    const agent = supervisor.get(id);
    await supervisor.stop(agent, 'term');
    await supervisor.start(agent);
    return this.#shown(agent);
  }

  /** Asks agents to end, and ends those that have not after the time. Answers them, and the ids of those it had to end. */
  async drain(
    ids: readonly string[] | undefined,
    timeoutMs: number,
  ): Promise<{ agents: ManagedAgent[]; forced: string[] }> {
    const supervisor = this.#resolve();
    const agents = ids
      ? ids.map((id) => supervisor.get(id))
      : [...supervisor.agents].filter(({ isActive }) => isActive);
    const forced: string[] = [];
    const late = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => late.resolve('late'), timeoutMs);
    try {
      await Promise.all(
        agents.map(async (agent) => {
          const outcome = await Promise.race([this.#askToEnd(agent, timeoutMs), late.promise]);
          if (outcome !== 'late') return;
          forced.push(agent.id);
          await supervisor.stop(agent, 'term');
        }),
      );
    } finally {
      clearTimeout(timer);
    }
    return { agents: agents.map((agent) => this.#shown(agent)), forced };
  }

  async #askToEnd(agent: SupervisedAgent, timeoutMs: number): Promise<void> {
    const connection = this.#options.attachments.connectionOf(agent.id);
    const isAsked = connection?.peer.notify('agent.drain', { timeout_secs: timeoutMs / 1_000 }) ?? false;
    await agent.expectEnd(isAsked ? undefined : 'SIGTERM');
  }

  /** The agent once its status is one of `targets`. */
  async wait(
    id: string,
    targets: readonly AgentStatus[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ManagedAgent> {
    const supervisor = this.#resolve();
    const reached = Promise.withResolvers<ManagedAgent>();
    const look = (): void => {
      const agent = supervisor.find(id);
      if (!agent) reached.reject(unknownAgent(id));
      else if (targets.includes(agent.status)) reached.resolve(this.#shown(agent));
    };
    const timedOut = (): void => reached.reject(waitTimeout(id, supervisor.find(id)?.status, targets, timeoutMs));
    const aborted = (): void => reached.reject(signal.reason);
    using _listening = this.#changed.add(look);
    const timer = setTimeout(timedOut, timeoutMs);
    signal.addEventListener('abort', aborted);
    try {
      look();
      return await reached.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
    }
  }

  async tail(id: string, streams: readonly LogStream[], count: number, offset: number): Promise<Tail> {
    const { logFolder } = supervisorOf(this.#resolve(), id);
    const stdoutPath = logPath(logFolder, id, 'stdout');
    const stderrPath = logPath(logFolder, id, 'stderr');
    const read = (stream: LogStream, path: string): Promise<TailWindow> =>
      streams.includes(stream) ? tailLog(path, count, offset) : Promise.resolve(nothing);
    const reading = this.#reading
      .catch(() => undefined)
      .then(async () => ({ stdout: await read('stdout', stdoutPath), stderr: await read('stderr', stderrPath) }));
    this.#reading = reading;
    return { ...(await reading), stdoutPath, stderrPath };
  }

  /** Follows what an agent writes. */
  watchLog(
    connection: Connection,
    { id, count, after }: { id: string; count: number; after: { epoch: string; seq: number } | undefined },
  ): LogStart {
    supervisorOf(this.#resolve(), id);
    return this.logs.watch(connection, id, count, after);
  }

  /** Follows changes from now on, or from behind a cursor. */
  watch(
    connection: Connection,
    after: { epoch: string; seq: number } | undefined,
  ): WatchStart & { agents?: ManagedAgent[] } {
    this.#supervisorIfAny();
    const start = this.feed.watch(connection, after);
    return start.delivery === 'replayed' ? start : { ...start, agents: this.current() };
  }

  #resolve(): Supervisor {
    const supervisor = this.#supervisorIfAny();
    if (supervisor) return supervisor;
    const path = this.#observed.value;
    throw fail(
      'failed',
      `this car-server is observe-only — another car-server process holds the supervisor lock for ${path}. Mutations refuse here; route them to the primary daemon, or stop the other car-server first.`,
      { data: { reason: 'observe_only', manifest_path: path } },
    );
  }

  /** The supervisor, taken now when nobody has it; `undefined` for an observer. */
  #supervisorIfAny(): Supervisor | undefined {
    if (this.#supervisor || this.#observed.value !== undefined) return this.#supervisor;
    return this.#open();
  }

  #open(): Supervisor | undefined {
    if (this.#isClosed) throw fail('failed', 'Cannot supervise agents: the daemon is shutting down');
    const { manifestPath, stateRoot, logLimits, stopGraceMs, health, logger, daemonToken, credentials } = this.#options;
    try {
      this.#supervisor = Supervisor.open({
        manifestPath,
        stateRoot,
        logLimits,
        stopGraceMs,
        health,
        logger,
        credentials,
        childFacts: () => ({ daemonUrl: this.#daemonUrl, daemonToken: daemonToken() }),
        onChange: (agent, kind) => this.#onChange(agent, kind),
        onEnded: (id, exit) => {
          this.logs.ended(id);
          this.onEnded.tell(id, exit);
        },
        onWritten: (id, stream, bytes) => this.logs.take(id, stream, bytes),
      });
      health.recover('agents manifest');
    } catch (error) {
      const why = (error as Error).message;
      health.degrade('agents manifest', why);
      if (error instanceof ManifestError) throw fail('failed', why, { data: { reason: 'bad_manifest' }, cause: error });
      throw error;
    }
    if (!this.#supervisor) {
      this.markObserver(manifestPath);
      logger.warn({ manifest: manifestPath }, 'observe-only: another car-server holds the supervisor lock');
    }
    return this.#supervisor;
  }

  #observedSpecs(): Map<string, AgentSpec> {
    return new ManifestStore(this.manifestPath).load();
  }

  #specOf(input: SpecInput, command: string | undefined, interpreter: string | undefined): AgentSpec {
    const refuse = (what: string, why: string): never => {
      const data = { reason: 'invalid_command' };
      throw fail('failed', `Cannot store agent "${input.id}": ${what}: ${why}`, { data });
    };
    let path = command;
    if (interpreter !== undefined) {
      const found = resolveInterpreter(interpreter);
      if (typeof found === 'string') return refuse(`interpreter ${JSON.stringify(interpreter)}`, found);
      path = found.command;
    }
    if (path === undefined) return refuse('command', 'it is missing, and so is interpreter');
    const problem = commandProblem(path);
    return problem === undefined ? toSpec(input, path) : refuse(`command ${JSON.stringify(path)}`, problem);
  }

  #logSignature(id: string, signature: SignatureState): void {
    const { logger } = this.#options;
    if (signature === 'unsigned') logger.warn({ agent_id: id }, 'agent manifest is not signed');
    else if (signature !== 'valid') logger.warn({ agent_id: id, signature }, 'agent manifest: signature not verified');
  }

  #onChange(agent: SupervisedAgent, kind: 'upserted' | 'removed' | 'status'): void {
    this.#resources.follow();
    if (kind === 'removed') this.logs.forget(agent.id);
    this.feed.publish(kind, agent.id, kind === 'removed' ? undefined : this.#shown(agent));
    this.#changed.tell();
  }

  #tell(kind: 'attached' | 'detached', id: string): void {
    const agent = this.#supervisor?.find(id);
    if (agent) this.feed.publish(kind, id, this.#shown(agent));
  }

  #shown(agent: SupervisedAgent): ManagedAgent {
    return toManaged(agent, this.#options.attachments.holderOf(agent.id), this.#resources.of(agent));
  }

  /** Ends every agent, and gives up the manifest. */
  async close(graceMs = this.#options.stopGraceMs): Promise<void> {
    this.#isClosed = true;
    const supervisor = this.#supervisor;
    await supervisor?.close(graceMs);
    if (this.#supervisor === supervisor) this.#supervisor = undefined;
    this.#resources[Symbol.dispose]();
    this.logs[Symbol.dispose]();
    this.#attachments[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Checks that the agent is there. */
function supervisorOf(supervisor: Supervisor, id: string): Supervisor {
  supervisor.get(id);
  return supervisor;
}

function waitTimeout(
  id: string,
  status: AgentStatus | undefined,
  targets: readonly AgentStatus[],
  timeoutMs: number,
): Error {
  return fail(
    'failed',
    `WaitTimeout: agent "${id}" is ${status ?? 'gone'} after ${timeoutMs / 1_000} s, not ${targets.join(' or ')}`,
    { data: { reason: 'wait_timeout', status } },
  );
}
