// The composition root: the only file that names every domain, and the object embedders hold.
import { dirname, join, resolve } from 'node:path';
import type { ToolRegistry } from '@car-runtime/engine';
import type { MemoryEngine } from '@car-runtime/memory';
import { methods, type HostIdentity, type MethodDeclaration } from '@car-runtime/protocol';
import type { Channel } from '@car-runtime/rpc';
import {
  agentsDomain,
  AgentService,
  defaultLogLimits,
  SupervisorCredentials,
  type Attachments,
  type ManifestRole,
} from './domains/agents/index.ts';
import {
  ApprovalGate,
  approvalsDomain,
  createApprovals,
  defaultGateTimeoutMs,
  type ApprovalGateConfig,
  type ApprovalParts,
  type Approvals,
} from './domains/approvals/index.ts';
import { authDomain, AuthService, type AgentCredentials } from './domains/auth/index.ts';
import { budgetDomain, createBudgets, type Budgets } from './domains/budget/index.ts';
import { builtinsDomain, createBuiltins, type Builtins } from './domains/builtins/index.ts';
import { chatDomain, ChatService, type ChatGoals } from './domains/chat/index.ts';
import { consoleDomain } from './domains/console/index.ts';
import { createDesktop, desktopDomain, type Desktop } from './domains/desktop/index.ts';
import {
  createJournals,
  defaultJournalRetention,
  eventsDomain,
  pruneJournals,
  type Journals,
} from './domains/events/index.ts';
import { auditPaths, createExternal, externalDomain, type ExternalService } from './domains/external/index.ts';
import { checkedGoal, createGoals, goalsDomain, runGoalCheck, type GoalService } from './domains/goals/index.ts';
import { createHost, hostDomain, type Host } from './domains/host/index.ts';
import { Memories, memoryDomains } from './domains/memory/index.ts';
import { metricsDomain } from './domains/metrics/index.ts';
import {
  agentPermissionsDomain,
  permissionDomain,
  PermissionGate,
  PermissionService,
} from './domains/permission/index.ts';
import { createPolicySets, policyDomain } from './domains/policy/index.ts';
import { proposalDomain, ProposalService, staticCheck } from './domains/proposal/index.ts';
import { registryDomain } from './domains/registry/index.ts';
import { createRuns, defaultRunRetention, runsDomain, type Runs } from './domains/runs/index.ts';
import { serverDomain, type ServerFacts } from './domains/server/index.ts';
import { sessionDomain } from './domains/session/index.ts';
import { SkillService, skillsDomain } from './domains/skills/index.ts';
import { createStateStores, stateDomain } from './domains/state/index.ts';
import { Escalations, supervisionDomain, SupervisionService } from './domains/supervision/index.ts';
import { createToolAccess, toolsDomain } from './domains/tools/index.ts';
import { verificationDomain } from './domains/verification/index.ts';
import { CommandRunner } from './infra/command-runner.ts';
import type { Connection } from './kernel/connection.ts';
import type { MethodCount } from './kernel/dispatcher.ts';
import { Health } from './kernel/health.ts';
import type { Installation } from './kernel/install-once.ts';
import { Kernel, type AcceptOptions } from './kernel/kernel.ts';
import { silentLogger, type Logger } from './kernel/logger.ts';
import type { ServerStateConfig } from './server-state-config.ts';
import { version } from './version.ts';

const defaultHandlerTimeoutMs = 30 * 60 * 1000;
const defaultAuthTimeoutMs = 5_000;
/** Time an agent has between SIGTERM and SIGKILL. */
export const defaultAgentStopGraceMs = 5_000;
/** The key pair that signs journals. */
const keyFiles = ['journal-key', 'journal-key.pub'];
/** How long the core waits for a client to answer `tools.execute` when the action has no budget of its own. */
export const defaultToolTimeoutMs = 300_000;

export class ServerState implements AsyncDisposable {
  readonly health = new Health();
  readonly startedAt = new Date();
  readonly journalDir: string;
  readonly #config: ServerStateConfig;
  readonly #auth: AuthService;
  readonly #journals: Journals;
  readonly #runs: Runs;
  readonly #host: Host;
  readonly #approvals: ApprovalParts;
  readonly #desktop: Desktop;
  readonly #builtins: Builtins;
  readonly #permissions: PermissionService;
  readonly #memories: Memories;
  readonly #supervision: SupervisionService;
  readonly #agents: AgentService;
  readonly #budgets: Budgets;
  readonly #commands = new CommandRunner();
  readonly #goals: GoalService;
  readonly #chats: ChatService;
  readonly #external: ExternalService;
  readonly #kernel: Kernel;

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
    this.journalDir = resolve(config.journalDir);
    const logger = config.logger ?? silentLogger;
    const attachments: Attachments = {
      holderOf: (agentId) => this.#auth.attachments.get(agentId),
      connectionOf: (agentId) => this.#kernel.connections.get(this.#auth.attachments.get(agentId) ?? ''),
      onAttached: (listener) => this.#auth.onAttached.add(listener),
      onDetached: (listener) => this.#auth.onDetached.add(listener),
    };
    const hasStrictRoles = (): boolean => config.strictRoles === true && this.#auth.hasHostToken;
    const credentials = new SupervisorCredentials();
    this.#auth = new AuthService({
      logger,
      agentCredentials: credentials,
      hasStrictRoles: config.strictRoles ?? false,
      closeConnection: (clientId, code, reason) => this.#kernel.connections.get(clientId)?.peer.close(code, reason),
    });
    if (config.agentCredentials) this.#auth.installAgentCredentials(config.agentCredentials);
    const stateRoot = resolve(config.stateRoot ?? dirname(this.journalDir));
    this.#agents = new AgentService({
      manifestPath: resolve(config.agentsManifest ?? join(stateRoot, 'agents.json')),
      stateRoot,
      attachments,
      credentials,
      daemonToken: () => this.#auth.authToken,
      hasStrictRoles,
      logLimits: { ...defaultLogLimits, ...config.agentLogLimits },
      stopGraceMs: config.agentStopGraceMs ?? defaultAgentStopGraceMs,
      health: this.health,
      logger,
    });
    const goalsFile =
      config.goalsFile === undefined ? join(dirname(this.journalDir), 'chat-goals.json') : config.goalsFile;
    this.#goals = createGoals({ path: goalsFile ?? undefined, health: this.health, logger });
    this.#chats = new ChatService({
      connectionOf: attachments.connectionOf,
      goals: this.#chatGoals(),
      check: (goal, agentId, signal) =>
        runGoalCheck(this.#commands, goal, {
          folder: this.#agents.current().find(({ id }) => id === agentId)?.cwd ?? undefined,
          timeoutMs: config.goalCheckTimeoutMs,
          signal,
        }),
      hasStrictRoles,
      ...config.chat,
    });
    const keyDir = config.keyDir ?? dirname(this.journalDir);
    this.#journals = createJournals({ directory: this.journalDir, keyDir, health: this.health, logger });
    const runsDir = join(dirname(this.journalDir), 'runs');
    this.#runs = createRuns({
      root: runsDir,
      isSynced: config.runDurability === 'fsync',
      health: this.health,
      logger,
      defaultAgentId: config.defaultAgentId ?? (process.env['CAR_AGENT_ID'] || undefined),
      spanSink: config.spanSink,
    });
    const memoryDir = resolve(config.memoryDir ?? join(stateRoot, 'memory'));
    this.#memories = new Memories({
      root: memoryDir,
      shared: config.sharedMemory,
      keepsShared: config.keepsSharedMemory ?? false,
      health: this.health,
      logger,
    });
    this.#host = createHost({ logger });
    this.#host.registry.addSource(() => this.#agents.hostAgents());
    this.health.onChange = (component, problem) => this.#tellHealth(component, problem);
    const approvalsFile =
      config.approvalsFile === undefined
        ? join(dirname(this.journalDir), 'host-approvals.jsonl')
        : (config.approvalsFile ?? undefined);
    this.#approvals = this.#createApprovals(approvalsFile, logger);
    this.#external = createExternal({
      ...config.externalAgents,
      stateRoot,
      chats: this.#chats,
      approvals: this.#approvals,
      secrets: () => this.#auth.secrets,
      health: this.health,
      logger,
    });
    this.#desktop = createDesktop();
    const ledgerPath = join(stateRoot, 'approvals.jsonl');
    const posturesPath = join(stateRoot, 'agent-permissions.json');
    const storeOf = createStateStores();
    const policyDir = config.policyDir ?? join(dirname(this.journalDir), 'policies');
    const policiesOf = createPolicySets(policyDir);
    const budgetFile = config.budgetFile ?? join(dirname(this.journalDir), 'budgets.toml');
    const budgetLedger = config.budgetLedger ?? join(dirname(this.journalDir), 'budget-ledger.jsonl');
    this.#builtins = createBuiltins({
      logger,
      toolRoot: config.toolRoot === undefined ? undefined : resolve(config.toolRoot),
      privatePaths: [
        this.journalDir,
        runsDir,
        memoryDir,
        resolve(policyDir),
        ...(approvalsFile === undefined ? [] : [resolve(approvalsFile)]),
        ledgerPath,
        posturesPath,
        ...(goalsFile === null ? [] : [resolve(goalsFile)]),
        ...this.#agents.privatePaths,
        ...auditPaths(stateRoot),
        resolve(budgetFile),
        resolve(budgetLedger),
        ...keyFiles.map((name) => resolve(keyDir, name)),
        ...(config.privatePaths ?? []).map((path) => resolve(path)),
      ],
      hasStrictRoles,
      substrates: config.substrateProvider,
      sandboxes: config.sandboxProvider,
    });
    const toolAccess = createToolAccess(config.toolTimeoutMs ?? defaultToolTimeoutMs, {
      beforeClient: [this.#builtins.dispatchBound],
      afterClient: [this.#builtins.dispatchUnknown],
    });
    const { registryOf, dispatch, canDetach } = toolAccess;
    this.#budgets = this.#createBudgets(budgetFile, budgetLedger, { logger, registryOf });
    const skills = new SkillService({
      memoryOf: (connection) => this.#memories.memoryOf(connection),
      append: (connection, kind, data) => this.#journals.logOf(connection).append(kind, { data }),
      verdictOn: (fingerprint) => this.#permissions.verdictOn(fingerprint),
      trustedSigners: config.trustedSkillSigners,
      model: config.skillModel,
    });
    this.#permissions = new PermissionService({
      ledgerPath,
      posturesPath,
      desk: this.#approvals,
      health: this.health,
      logger,
      logOf: this.#journals.logOf,
      connectionOf: (clientId) => this.#kernel.connections.get(clientId),
      stateOf: (connection) => storeOf(connection).snapshot(),
      isStopping: () => this.#kernel.isDraining,
      skillTierOf: async (skill, connection) =>
        config.skillTierOf?.(skill) ?? (await skills.deploymentTierOf(connection, skill)),
    });
    const escalations = new Escalations(this.#approvals);
    this.#approvals.onResolved('supervision', ({ id, outcome }, _by, subject) =>
      escalations.resolved(id, outcome === 'approved', subject),
    );
    this.#supervision = new SupervisionService({ limits: config.supervisionLimits, escalations });
    const proposals = new ProposalService({
      registryOf,
      storeOf,
      policiesOf,
      logOf: this.#journals.logOf,
      dispatch,
      canDetach,
      meterOf: this.#budgets.meterOf,
      gates: [
        staticCheck({ registryOf, storeOf }),
        new PermissionGate(this.#permissions, config.replanProvider !== undefined),
        { name: 'supervision', admit: (plan, connection, how) => this.#supervision.admit(plan, connection, how) },
      ],
      replanProvider: config.replanProvider,
      recorder: this.#runs.recorder,
    });
    this.#kernel = new Kernel({
      domains: [
        authDomain(this.#auth),
        serverDomain(() => this.#facts()),
        sessionDomain({ registryOf, policiesOf }),
        stateDomain(storeOf),
        toolsDomain(toolAccess),
        policyDomain(policiesOf),
        proposalDomain(proposals),
        permissionDomain(this.#permissions),
        agentPermissionsDomain(this.#permissions),
        supervisionDomain(this.#supervision),
        budgetDomain(this.#budgets),
        runsDomain(this.#runs),
        hostDomain(this.#host, {
          approvalsShown: () => this.#approvals.shown(),
          identity: () => this.#identity(),
          needsHandshake: config.requireHandshake ?? false,
        }),
        approvalsDomain(this.#approvals),
        agentsDomain(this.#agents, hasStrictRoles),
        desktopDomain(this.#desktop),
        ...memoryDomains({
          memories: this.#memories,
          events: {
            append: (connection, kind, data) => this.#journals.logOf(connection).append(kind, { data }),
            recent: (connection, limit, signal) => this.#journals.logOf(connection).query({ limit }, signal),
          },
          runOf: (connection) => this.#runs.recorder.runOf(connection),
        }),
        registryDomain({ stateRoot, hasStrictRoles }),
        chatDomain(this.#chats),
        skillsDomain(skills),
        goalsDomain({ service: this.#goals, hasStrictRoles }),
        externalDomain(this.#external),
        eventsDomain(this.#journals),
        metricsDomain(this.#journals.logOf),
        builtinsDomain(this.#builtins, registryOf),
        verificationDomain({ registryOf, storeOf }),
        consoleDomain(config.consoleTicket),
      ],
      credentials: this.#auth,
      logger,
      handlerTimeoutMs: config.handlerTimeoutMs ?? defaultHandlerTimeoutMs,
      authTimeoutMs: config.authTimeoutMs ?? defaultAuthTimeoutMs,
      ...(config.peer && { peer: config.peer }),
      checksResults: config.checksResults ?? false,
      gate: this.#createGate(config.approvalGate ?? {}),
    });
  }

  #createApprovals(path: string | undefined, logger: Logger): ApprovalParts {
    const { events, registry } = this.#host;
    return createApprovals({
      path,
      health: this.health,
      logger,
      host: {
        publish: (kind, event) => events.publish(kind, event),
        tell: (clientId, kind, event) => {
          const connection = this.#kernel.connections.get(clientId);
          if (connection) events.tell(connection, kind, event);
        },
        isSubscribed: (connection) => events.isSubscribed(connection),
        agentWaits: (agentId) => registry.agentWaits(agentId),
      },
      mayGovern: (connection) => this.#mayGovern(connection),
      isStopping: () => this.#kernel.isDraining,
    });
  }

  #createBudgets(
    configPath: string,
    ledgerPath: string,
    { logger, registryOf }: { logger: Logger; registryOf: (connection: Connection) => ToolRegistry },
  ): Budgets {
    const budgets = createBudgets({
      configPath,
      ledgerPath,
      isForeign: this.#config.isBudgetLedgerForeign ?? false,
      health: this.health,
      logger,
      logOf: this.#journals.logOf,
      registryOf,
      runOf: (runId) => this.#runs.find(runId),
      currentRun: (connection) => this.#runs.recorder.runOf(connection),
      isConnected: (clientId) => this.#kernel.connections.has(clientId),
      announce: (kind, event) => this.#host.events.publish(kind, event),
      approvals: this.#approvals,
      mayGovern: (connection) => this.#mayGovern(connection),
      defaultCallMs: this.#config.toolTimeoutMs ?? defaultToolTimeoutMs,
      clock: this.#config.budgetClock,
    });
    this.#approvals.onResolved('budget', ({ id, outcome }, by, subject) =>
      budgets.admin.resolved(id, outcome === 'approved', `conn:${by.id}`, subject),
    );
    return budgets;
  }

  /** The goals of chats, with every verdict in the journal of the host that asked. */
  #chatGoals(): ChatGoals {
    const goals = this.#goals;
    return {
      checked: checkedGoal,
      standing: (sessionId) => goals.standing(sessionId),
      started: (sessionId, goal) => goals.started(sessionId, checkedGoal(goal)),
      stopped: (sessionId) => goals.stopped(sessionId),
      observed: (event, host) => {
        goals.observed(event);
        if (event.kind !== 'goal_evaluated' || !host) return;
        const { session_id, agent_id, iteration, met, grounded } = event;
        this.#journals
          .logOf(host)
          .append('goal_evaluated', { data: { session_id, agent_id, iteration, met, grounded } });
      },
    };
  }

  /** Whether a connection may give agents more than they have. */
  #mayGovern(connection: Connection): boolean {
    return connection.isHost || (!this.#auth.hasHostToken && connection.role !== 'agent');
  }

  #createGate({ enabled = true, methods: gated, timeoutMs = defaultGateTimeoutMs }: ApprovalGateConfig): ApprovalGate {
    const { service } = this.#approvals;
    const { facts } = this.#desktop;
    return new ApprovalGate({
      service,
      enabled,
      methods: gated ?? methodsWhere(({ approval }) => approval === true),
      timeoutMs,
      facts,
      reads: methodsWhere(({ effect }) => effect === 'read'),
    });
  }

  /** Read from what is there: it takes no lock and makes nothing. */
  #identity(): HostIdentity {
    const { path, role } = this.agentsManifest;
    const isKnown = role !== 'none' || this.#config.agentsManifest !== undefined;
    return { version, pid: process.pid, manifest_path: isKnown ? path : null, manifest_role: role };
  }

  #tellHealth(component: string, problem: string | undefined): void {
    const [kind, message] =
      problem === undefined
        ? ['store.recovered', `${component} works again`]
        : ['store.degraded', `${component}: ${problem}`];
    this.#host.events.publish(kind, { message, payload: { component, problem: problem ?? null } });
  }

  /** Turns authentication on for every connection made from now on. Once per process. */
  installAuthToken(token: string): Installation<string> {
    return this.#auth.installAuthToken(token);
  }

  /** Makes the host role available. Once per process. */
  installHostToken(token: string): Installation<string> {
    return this.#auth.installHostToken(token);
  }

  /** The verifier of per-agent tokens. Once per process. */
  installAgentCredentials(credentials: AgentCredentials): Installation<AgentCredentials> {
    return this.#auth.installAgentCredentials(credentials);
  }

  get isAuthRequired(): boolean {
    return this.#auth.isAuthRequired;
  }

  /** Open connections by client id. */
  get sessions(): ReadonlyMap<string, Connection> {
    return this.#kernel.connections;
  }

  /** Agent id to the client id of the connection that claims it. */
  get attachedAgents(): ReadonlyMap<string, string> {
    return this.#auth.attachments;
  }

  /** Takes the manifest of agents and starts those that are to run from the beginning, or becomes its observer when another
   *  daemon has it. Without this the first call that needs it takes it. Throws when the manifest cannot be used. */
  openAgents(options: { daemonUrl?: string } = {}): ManifestRole {
    const role = this.#agents.open(options.daemonUrl);
    if (role === 'owner') void this.#agents.startAll();
    return role;
  }

  /** Says that another process holds a manifest. Once; a later path is refused and handed back. */
  installAgentsObserver(manifestPath: string): Installation<string> {
    return this.#agents.markObserver(manifestPath);
  }

  /** What this process is to the manifest of agents. Asking takes nothing. */
  get agentsManifest(): { path: string; role: ManifestRole } {
    return { path: this.#agents.manifestPath, role: this.#agents.role };
  }

  get isDraining(): boolean {
    return this.#kernel.isDraining;
  }

  get acceptedTotal(): number {
    return this.#kernel.acceptedTotal;
  }

  /** What budgets refused so far, and what they hold now. */
  budgetCounts(): ReturnType<Budgets['counts']> {
    return this.#budgets.counts();
  }

  /** Plans that wait for a supervisor, and how many supervisors there are. */
  supervisionCounts(): { parked: number; supervisors: number } {
    const { parked, supervisors } = this.#supervision;
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
    return this.#host;
  }

  /** What asks people. */
  get approvals(): Approvals {
    return this.#approvals;
  }

  /** The memory a session works on: of its namespace, of its agent, the shared one, or its own. */
  async memoryOf(connection: Connection): Promise<MemoryEngine> {
    return (await this.#memories.memoryOf(connection)).engine;
  }

  /** Path of a session's event journal. The file is made at the first event. */
  journalPathOf(connection: Connection): string {
    return this.#journals.logOf(connection).path;
  }

  /** House-keeping at boot. Never fails the start. Runs of an earlier start are ended only where no other daemon that shares
   *  the folders can have them open. */
  async sweepStorage({ isAlone = true }: { isAlone?: boolean } = {}): Promise<{
    journalsRemoved: number;
    runsAdopted: number;
    runsRemoved: number;
  }> {
    const { journalRetention = defaultJournalRetention, runRetention = defaultRunRetention } = this.#config;
    if (isAlone) this.#permissions.sweep();
    const swept = isAlone ? await this.#runs.sweep(runRetention) : { runsAdopted: 0, runsRemoved: 0 };
    return { journalsRemoved: await pruneJournals(this.journalDir, journalRetention), ...swept };
  }

  /** Refuses new work, lets running calls finish until the deadline, then closes every connection. Agents are told to end
   *  meanwhile. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all([this.#kernel.drain(deadlineMs), this.#agents.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#kernel[Symbol.asyncDispose](),
      this.#agents.close(),
      this.#external[Symbol.asyncDispose](),
    ]);
    this.#supervision[Symbol.dispose]();
    this.#budgets[Symbol.dispose]();
    this.#permissions[Symbol.dispose]();
    await this.#builtins[Symbol.asyncDispose]();
    await this.#runs[Symbol.asyncDispose]();
    await this.#memories[Symbol.asyncDispose]();
    this.#approvals[Symbol.dispose]();
    this.#chats[Symbol.dispose]();
    this.#commands[Symbol.dispose]();
    this.#goals[Symbol.dispose]();
    this.#journals[Symbol.dispose]();
    this.#auth[Symbol.dispose]();
  }

  #facts(): ServerFacts {
    return {
      startedAt: this.startedAt,
      sessions: this.#kernel.connections.size,
      requestsTotal: this.#kernel.requestsTotal,
      isAuthRequired: this.#auth.isAuthRequired,
      isDraining: this.#kernel.isDraining,
      loopDelayP99Ms: this.#config.loopDelayP99Ms?.() ?? 0,
      degraded: this.health.problems,
    };
  }
}

function methodsWhere(fits: (declaration: MethodDeclaration) => boolean): string[] {
  const declared: [string, MethodDeclaration][] = Object.entries(methods);
  return declared.filter(([, declaration]) => fits(declaration)).map(([name]) => name);
}
