// Puts the parts of the daemon together. The only file that names every domain.
import { agentsDomain } from '../domains/agents/index.ts';
import { approvalsDomain } from '../domains/approvals/index.ts';
import { authDomain } from '../domains/auth/index.ts';
import { budgetDomain } from '../domains/budget/index.ts';
import { builtinsDomain } from '../domains/builtins/index.ts';
import { chatDomain } from '../domains/chat/index.ts';
import { consoleDomain } from '../domains/console/index.ts';
import { desktopDomain } from '../domains/desktop/index.ts';
import { eventsDomain } from '../domains/events/index.ts';
import { externalDomain } from '../domains/external/index.ts';
import { goalsDomain } from '../domains/goals/index.ts';
import { hostDomain } from '../domains/host/index.ts';
import { memoryDomains } from '../domains/memory/index.ts';
import { metricsDomain, summarize } from '../domains/metrics/index.ts';
import { agentPermissionsDomain, permissionDomain } from '../domains/permission/index.ts';
import { policyDomain } from '../domains/policy/index.ts';
import { proposalDomain } from '../domains/proposal/index.ts';
import { registryDomain } from '../domains/registry/index.ts';
import { runsDomain } from '../domains/runs/index.ts';
import { serverDomain, type ServerFacts } from '../domains/server/index.ts';
import { sessionDomain } from '../domains/session/index.ts';
import { sessionsDomain } from '../domains/sessions/index.ts';
import { skillsDomain } from '../domains/skills/index.ts';
import { stateDomain } from '../domains/state/index.ts';
import { supervisionDomain } from '../domains/supervision/index.ts';
import { toolsDomain } from '../domains/tools/index.ts';
import { verificationDomain } from '../domains/verification/index.ts';
import type { AnyDomain } from '../kernel/domain.ts';
import type { Health } from '../kernel/health.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { ServerStateConfig } from '../server-state-config.ts';
import { version } from '../version.ts';
import { createAgents, type Agents } from './agents.ts';
import { Ground } from './ground.ts';
import { createPeople, type People } from './people.ts';
import { createPlans, type Plans } from './plans.ts';
import { createRecords, type Records } from './records.ts';

const defaultHandlerTimeoutMs = 30 * 60 * 1000;
const defaultAuthTimeoutMs = 5_000;

export interface Parts extends Records, People, Agents, Plans {
  readonly ground: Ground;
}

export function compose(config: ServerStateConfig, { health, facts }: { health: Health; facts(): ServerFacts }): Parts {
  const ground = new Ground(config, health);
  const records = createRecords(ground);
  const people = createPeople(ground);
  const agents = createAgents(ground, records, people);
  const plans = createPlans(ground, records, people, agents);
  const parts: Parts = { ground, ...records, ...people, ...agents, ...plans };
  const kernel = new Kernel({
    domains: domainsOf(parts, facts),
    credentials: ground.auth,
    logger: ground.logger,
    handlerTimeoutMs: config.handlerTimeoutMs ?? defaultHandlerTimeoutMs,
    authTimeoutMs: config.authTimeoutMs ?? defaultAuthTimeoutMs,
    ...(config.peer && { peer: config.peer }),
    checksResults: config.checksResults ?? false,
    gate: people.gate,
  });
  ground.kernel = kernel;
  // First of all what takes time, side by side.
  ground.opened.defer(async () => {
    await Promise.all([kernel[Symbol.asyncDispose](), agents.agents.close(), agents.external[Symbol.asyncDispose]()]);
  });
  return parts;
}

/** Within a phase of a disconnect their steps run in this order. */
function domainsOf(parts: Parts, facts: () => ServerFacts): AnyDomain[] {
  const { ground, agents, approvals, budgets, builtins, journals, permissions, runs, storeOf, tools } = parts;
  const { config, hasStrictRoles } = ground;
  const { registryOf } = tools;
  return [
    authDomain(ground.auth),
    serverDomain(facts),
    sessionDomain({ registryOf, policiesOf: parts.policiesOf }),
    stateDomain(storeOf),
    toolsDomain(tools),
    policyDomain(parts.policiesOf),
    proposalDomain(parts.proposals),
    permissionDomain(permissions),
    agentPermissionsDomain(permissions),
    supervisionDomain(parts.supervision),
    budgetDomain(budgets),
    runsDomain(runs),
    hostDomain(parts.host, {
      approvalsShown: () => approvals.shown(),
      // Read from what is there: it takes no lock and makes nothing.
      identity: () => {
        const isKnown = agents.role !== 'none' || config.agentsManifest !== undefined;
        const path = isKnown ? agents.manifestPath : null;
        return { version, pid: process.pid, manifest_path: path, manifest_role: agents.role };
      },
      needsHandshake: config.requireHandshake ?? false,
    }),
    approvalsDomain(approvals),
    agentsDomain(agents, hasStrictRoles),
    desktopDomain(parts.desktop),
    ...memoryDomains({
      memories: parts.memories,
      events: {
        append: (connection, kind, data) => journals.logOf(connection).append(kind, { data }),
        recent: (connection, limit, signal) => journals.logOf(connection).query({ limit }, signal),
      },
      runOf: (connection) => runs.recorder.runOf(connection),
      distil: (connection, events, signal) => parts.skills.distillLately(connection, events, signal),
    }),
    registryDomain({ stateRoot: ground.files.stateRoot, hasStrictRoles }),
    chatDomain(parts.chats),
    skillsDomain(parts.skills),
    goalsDomain({ service: parts.goals, hasStrictRoles }),
    externalDomain(parts.external),
    eventsDomain(journals),
    metricsDomain(journals.logOf),
    builtinsDomain(builtins, registryOf),
    verificationDomain({ registryOf, storeOf }),
    consoleDomain(config.consoleTicket),
    sessionsDomain({
      connections: () => ground.kernel.connections,
      toolsOf: (connection) => registryOf(connection).list(),
      policiesOf: (connection) => parts.policiesOf(connection).list(),
      tierOf: (connection) => permissions.grantedTo(connection),
      supervises: (connection) => parts.supervision.filterOf(connection),
      metricsOf: (connection, signal) => summarize(journals.logOf(connection), signal),
      eventsOf: async (connection, filter, signal) => {
        const log = journals.logOf(connection);
        return { events: await log.query(filter, signal), total: log.count };
      },
    }),
  ];
}
