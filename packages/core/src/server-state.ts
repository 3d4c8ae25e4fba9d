// The object embedders hold: a daemon without a listener.
import type { MemoryEngine } from '@car-runtime/memory';
import type { Channel } from '@car-runtime/rpc';
import { compose, type Parts } from './composition/compose.ts';
import type { ManifestRole } from './domains/agents/index.ts';
import type { Approvals } from './domains/approvals/index.ts';
import type { AgentCredentials } from './domains/auth/index.ts';
import type { Budgets } from './domains/budget/index.ts';
import { defaultJournalRetention, pruneJournals } from './domains/events/index.ts';
import type { Host } from './domains/host/index.ts';
import { defaultRunRetention } from './domains/runs/index.ts';
import type { ServerFacts } from './domains/server/index.ts';
import type { Connection } from './kernel/connection.ts';
import type { MethodCount } from './kernel/dispatcher.ts';
import { Health } from './kernel/health.ts';
import type { Installation } from './kernel/install-once.ts';
import type { AcceptOptions, Kernel } from './kernel/kernel.ts';
import { defaultAgentStopGraceMs, type ServerStateConfig } from './server-state-config.ts';

export class ServerState implements AsyncDisposable {
  readonly health = new Health();
  readonly startedAt = new Date();
  readonly #config: ServerStateConfig;
  readonly #parts: Parts;

  /** For a daemon of its own: sessions share no memory unless the config says so. */
  static standalone(journalDir: string): ServerState {
    return new ServerState({ journalDir });
  }

  /** For embedders. The shared memory is required, so it cannot be forgotten. */
  static embedded(journalDir: string, memory: MemoryEngine): ServerState {
    return new ServerState({ journalDir, sharedMemory: memory });
  }

  static withConfig(config: ServerStateConfig): ServerState {
    return new ServerState(config);
  }

  private constructor(config: ServerStateConfig) {
    this.#config = config;
    this.#parts = compose(config, { health: this.health, facts: () => this.#facts() });
  }

  get #kernel(): Kernel {
    return this.#parts.ground.kernel;
  }

  /** Absolute path of the folder of the event journals. */
  get journalDir(): string {
    return this.#parts.ground.files.journalDir;
  }

  /** Turns authentication on for every connection made from now on. Once per process. */
  installAuthToken(token: string): Installation<string> {
    return this.#parts.ground.auth.installAuthToken(token);
  }

  /** Makes the host role available. Once per process. */
  installHostToken(token: string): Installation<string> {
    return this.#parts.ground.auth.installHostToken(token);
  }

  /** The verifier of per-agent tokens. Once per process. */
  installAgentCredentials(credentials: AgentCredentials): Installation<AgentCredentials> {
    return this.#parts.ground.auth.installAgentCredentials(credentials);
  }

  get isAuthRequired(): boolean {
    return this.#parts.ground.auth.isAuthRequired;
  }

  /** Open connections by client id. */
  get sessions(): ReadonlyMap<string, Connection> {
    return this.#kernel.connections;
  }

  /** Agent id to the client id of the connection that claims it. */
  get attachedAgents(): ReadonlyMap<string, string> {
    return this.#parts.ground.auth.attachments;
  }

  /** Takes the manifest of agents and starts those that are to run from the beginning, or becomes its observer when another
   *  daemon has it. Without this the first call that needs it takes it. Throws when the manifest cannot be used. */
  openAgents(options: { daemonUrl?: string } = {}): ManifestRole {
    const role = this.#parts.agents.open(options.daemonUrl);
    if (role === 'owner') void this.#parts.agents.startAll();
    return role;
  }

  /** Says that another process holds a manifest. Once; a later path is refused and handed back. */
  installAgentsObserver(manifestPath: string): Installation<string> {
    return this.#parts.agents.markObserver(manifestPath);
  }

  /** What this process is to the manifest of agents. Asking takes nothing. */
  get agentsManifest(): { path: string; role: ManifestRole } {
    return { path: this.#parts.agents.manifestPath, role: this.#parts.agents.role };
  }

  get isDraining(): boolean {
    return this.#kernel.isDraining;
  }

  get acceptedTotal(): number {
    return this.#kernel.acceptedTotal;
  }

  /** What budgets refused so far, and what they hold now. */
  budgetCounts(): ReturnType<Budgets['counts']> {
    return this.#parts.budgets.counts();
  }

  /** Plans that wait for a supervisor, and how many supervisors there are. */
  supervisionCounts(): { parked: number; supervisors: number } {
    const { parked, supervisors } = this.#parts.supervision;
    return { parked, supervisors };
  }

  /** Calls and errors by method since the start. */
  methodCounts(): MethodCount[] {
    return this.#kernel.counts();
  }

  /** Makes a session of a channel and begins to serve it. */
  createSession(channel: Channel, options?: AcceptOptions): Connection {
    return this.#kernel.accept(channel, options);
  }

  /** Ends a session and runs its disconnect steps; resolves with it once they are done. */
  removeSession(clientId: string): Promise<Connection | undefined> {
    return this.#kernel.remove(clientId);
  }

  /** Tells hosts what happens, and shows them agents that other parts of the program run. */
  get host(): Pick<Host, 'events' | 'registry'> {
    return this.#parts.host;
  }

  /** What asks people. */
  get approvals(): Approvals {
    return this.#parts.approvals;
  }

  /** The memory a session works on: of its namespace, of its agent, the shared one, or its own. */
  async memoryOf(connection: Connection): Promise<MemoryEngine> {
    return (await this.#parts.memories.memoryOf(connection)).engine;
  }

  /** Path of a session's event journal. The file is made at the first event. */
  journalPathOf(connection: Connection): string {
    return this.#parts.journals.logOf(connection).path;
  }

  /** House-keeping at boot. Never fails the start. Runs of an earlier start are ended only where no other daemon that shares
   *  the folders can have them open. */
  async sweepStorage({ isAlone = true }: { isAlone?: boolean } = {}): Promise<{
    journalsRemoved: number;
    runsAdopted: number;
    runsRemoved: number;
    childrenEnded: number;
  }> {
    const { journalRetention = defaultJournalRetention, runRetention = defaultRunRetention } = this.#config;
    if (isAlone) this.#parts.permissions.sweep();
    const swept = isAlone ? await this.#parts.runs.sweep(runRetention) : { runsAdopted: 0, runsRemoved: 0 };
    const [journalsRemoved, childrenEnded] = await Promise.all([
      pruneJournals(this.journalDir, journalRetention),
      this.#parts.children.endAbandoned(this.#config.agentStopGraceMs ?? defaultAgentStopGraceMs),
    ]);
    return { journalsRemoved, ...swept, childrenEnded };
  }

  /** Refuses new work, lets running calls finish until the deadline, then closes every connection. Agents are told to end
   *  meanwhile. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all([this.#kernel.drain(deadlineMs), this.#parts.agents.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.ground.opened.disposeAsync();
  }

  #facts(): ServerFacts {
    return {
      startedAt: this.startedAt,
      sessions: this.#kernel.connections.size,
      requestsTotal: this.#kernel.requestsTotal,
      isAuthRequired: this.#parts.ground.auth.isAuthRequired,
      isDraining: this.#kernel.isDraining,
      loopDelayP99Ms: this.#config.loopDelayP99Ms?.() ?? 0,
      degraded: this.health.problems,
    };
  }
}
