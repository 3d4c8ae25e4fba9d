// What a plan meets on its way: tools, policies, permissions, budgets, supervision, and the executor.
import { resolve } from 'node:path';
import { createBudgets, type Budgets } from '../domains/budget/index.ts';
import { createBuiltins, type Builtins } from '../domains/builtins/index.ts';
import { PermissionGate, PermissionService } from '../domains/permission/index.ts';
import { createPolicySets, type PoliciesOf } from '../domains/policy/index.ts';
import { ProposalService, staticCheck } from '../domains/proposal/index.ts';
import { SkillService } from '../domains/skills/index.ts';
import { createStateStores, type StoreOf } from '../domains/state/index.ts';
import { Escalations, SupervisionService } from '../domains/supervision/index.ts';
import { createToolAccess, type ToolAccess } from '../domains/tools/index.ts';
import { defaultToolTimeoutMs } from '../server-state-config.ts';
import type { Agents } from './agents.ts';
import type { Ground } from './ground.ts';
import type { People } from './people.ts';
import type { Records } from './records.ts';
import { privatePathsOf } from './state-files.ts';

export interface Plans {
  readonly storeOf: StoreOf;
  readonly policiesOf: PoliciesOf;
  readonly builtins: Builtins;
  readonly tools: ToolAccess;
  readonly budgets: Budgets;
  readonly skills: SkillService;
  readonly permissions: PermissionService;
  readonly supervision: SupervisionService;
  readonly proposals: ProposalService;
}

export function createPlans(ground: Ground, records: Records, people: People, { agents }: Agents): Plans {
  const { config, files, logger, opened } = ground;
  const { journals, runs } = records;
  const storeOf = createStateStores();
  const policiesOf = createPolicySets(files.policyDir);
  const builtins = opened.use(
    createBuiltins({
      logger,
      toolRoot: config.toolRoot === undefined ? undefined : resolve(config.toolRoot),
      privatePaths: [...privatePathsOf(files, config), ...agents.privatePaths],
      hasStrictRoles: ground.hasStrictRoles,
      substrates: config.substrateProvider,
      sandboxes: config.sandboxProvider,
    }),
  );
  const tools = createToolAccess(config.toolTimeoutMs ?? defaultToolTimeoutMs, {
    beforeClient: [builtins.dispatchBound],
    afterClient: [builtins.dispatchUnknown],
  });
  const { registryOf, dispatch, canDetach } = tools;
  const budgets = createPlanBudgets(ground, records, people, tools);
  const { skills, permissions } = createPermissions(ground, records, people, storeOf);
  const supervision = createSupervision(ground, people);
  const proposals = new ProposalService({
    registryOf,
    storeOf,
    policiesOf,
    logOf: journals.logOf,
    dispatch,
    canDetach,
    meterOf: budgets.meterOf,
    gates: [
      staticCheck({ registryOf, storeOf }),
      new PermissionGate(permissions, config.replanProvider !== undefined),
      { name: 'supervision', admit: (plan, connection, how) => supervision.admit(plan, connection, how) },
    ],
    replanProvider: config.replanProvider,
    recorder: runs.recorder,
  });
  return { storeOf, policiesOf, builtins, tools, budgets, skills, permissions, supervision, proposals };
}

function createPlanBudgets(
  ground: Ground,
  { journals, runs }: Records,
  { host, approvals }: People,
  { registryOf }: ToolAccess,
): Budgets {
  const { config, files, health, logger, opened } = ground;
  const budgets = opened.use(
    createBudgets({
      configPath: files.budgets,
      ledgerPath: files.budgetLedger,
      isForeign: config.isBudgetLedgerForeign ?? false,
      health,
      logger,
      logOf: journals.logOf,
      registryOf,
      runOf: (runId) => runs.find(runId),
      currentRun: (connection) => runs.recorder.runOf(connection),
      isConnected: (clientId) => ground.kernel.connections.has(clientId),
      announce: (kind, event) => host.events.publish(kind, event),
      approvals,
      mayGovern: ground.mayGovern,
      defaultCallMs: config.toolTimeoutMs ?? defaultToolTimeoutMs,
      clock: config.budgetClock,
    }),
  );
  approvals.onResolved('budget', ({ id, outcome }, by, subject) =>
    budgets.admin.resolved(id, outcome === 'approved', `conn:${by.id}`, subject),
  );
  return budgets;
}

/** A skill's tier caps what plans run for it, and a verdict of people on a skill decides whether it is used. */
function createPermissions(
  ground: Ground,
  { journals, memories }: Records,
  { approvals }: People,
  storeOf: StoreOf,
): { skills: SkillService; permissions: PermissionService } {
  const { config, files, health, logger, opened } = ground;
  const skills: SkillService = new SkillService({
    memoryOf: (connection) => memories.memoryOf(connection),
    append: (connection, kind, data) => journals.logOf(connection).append(kind, { data }),
    verdictOn: (fingerprint) => permissions.verdictOn(fingerprint),
    trustedSigners: config.trustedSkillSigners,
    communityCeiling: config.communitySkillCeiling,
    model: config.skillModel,
  });
  const permissions: PermissionService = opened.use(
    new PermissionService({
      ledgerPath: files.permissionLedger,
      posturesPath: files.postures,
      desk: approvals,
      health,
      logger,
      logOf: journals.logOf,
      connectionOf: (clientId) => ground.connectionOf(clientId),
      stateOf: (connection) => storeOf(connection).snapshot(),
      isStopping: ground.isStopping,
      skillTierOf: async (skill, connection) =>
        config.skillTierOf?.(skill) ?? (await skills.deploymentTierOf(connection, skill)),
    }),
  );
  return { skills, permissions };
}

function createSupervision({ config, opened }: Ground, { approvals }: People): SupervisionService {
  const escalations = new Escalations(approvals);
  approvals.onResolved('supervision', ({ id, outcome }, _by, subject) =>
    escalations.resolved(id, outcome === 'approved', subject),
  );
  return opened.use(new SupervisionService({ limits: config.supervisionLimits, escalations }));
}
