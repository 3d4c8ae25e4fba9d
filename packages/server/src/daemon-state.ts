// The daemon's state: its folder, its `ServerState`, and what is done with both at start.
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  BudgetFileError,
  LedgerError,
  ServerState,
  type ConsoleTicket,
  type Logger,
  type ServerStateConfig,
} from '@car-runtime/core';
import { ConfigError, StartError } from './errors.ts';
import type { LoopDelay } from './loop-delay.ts';
import { folderProblem, isOpenToOthers } from './private-files.ts';
import type { Settings } from './server-settings.ts';
import type { Tokens } from './token-files.ts';

/** Made with mode 0700. One that is there already is the user's: it must be safe to keep secrets in, and its mode is
 *  changed only while it is empty. */
export function ensureStateRoot(path: string, logger: Logger): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const info = statSync(path);
    const problem = folderProblem(info);
    if (problem) throw new Error(problem);
    if (!isOpenToOthers(info)) return;
    if (readdirSync(path).length === 0) chmodSync(path, 0o700);
    else logger.warn({ state_root: path }, 'others can look into the state root; "chmod 700" keeps them out');
  } catch (error) {
    throw StartError.of(`use state root ${path}`, error);
  }
}

interface StateParts {
  tokens: Tokens | undefined;
  loopDelay: LoopDelay;
  isPrimary: boolean;
  consoleTicket: () => ConsoleTicket;
}

export function createState(
  settings: Settings,
  { tokens, loopDelay, isPrimary, consoleTicket }: StateParts,
): ServerState {
  const { limits } = settings;
  const state = makeState({
    journalDir: settings.journalDir,
    stateRoot: settings.stateRoot,
    ...(settings.agentsManifest !== undefined && { agentsManifest: settings.agentsManifest }),
    ...(settings.agentLogLimits && { agentLogLimits: settings.agentLogLimits }),
    ...(settings.agentStopGraceMs !== undefined && { agentStopGraceMs: settings.agentStopGraceMs }),
    ...(settings.chat && { chat: settings.chat }),
    keyDir: settings.stateRoot,
    // The operator's rules stay with the state root, wherever the journals go.
    policyDir: join(settings.stateRoot, 'policies'),
    budgetFile: join(settings.stateRoot, 'budgets.toml'),
    // Two daemons that book on their own would allow twice as much.
    budgetLedger: join(settings.stateRoot, 'budget-ledger.jsonl'),
    isBudgetLedgerForeign: !isPrimary,
    privatePaths: [settings.stateRoot, settings.tokenFolder, ...settings.privatePaths],
    strictRoles: settings.hasStrictRoles,
    requireHandshake: settings.requiresHandshake,
    ...(settings.approvalGate && { approvalGate: settings.approvalGate }),
    // Two daemons cannot keep one file: a second one of the same state root has its approvals in memory.
    goalsFile: isPrimary ? join(settings.stateRoot, 'chat-goals.json') : null,
    approvalsFile: isPrimary ? join(settings.stateRoot, 'host-approvals.jsonl') : null,
    keepsSharedMemory: true,
    ...(settings.acpAgents && { externalAgents: { acp: settings.acpAgents } }),
    ...(settings.trustedSkillSigners && { trustedSkillSigners: settings.trustedSkillSigners }),
    ...(settings.communitySkillCeiling !== undefined && { communitySkillCeiling: settings.communitySkillCeiling }),
    ...(settings.memoryUtility && { memoryUtility: settings.memoryUtility }),
    ...(settings.toolRoot !== undefined && { toolRoot: settings.toolRoot }),
    logger: settings.logger,
    authTimeoutMs: limits.authTimeoutMs,
    peer: {
      maxDepth: limits.maxJsonDepth,
      maxBatch: limits.maxBatch,
      maxInFlight: limits.maxInFlight,
      softQueueBytes: limits.softQueueBytes,
      hardQueueBytes: limits.hardQueueBytes,
    },
    loopDelayP99Ms: () => loopDelay.p99Ms(),
    consoleTicket,
    ...(settings.handlerTimeoutMs !== undefined && { handlerTimeoutMs: settings.handlerTimeoutMs }),
    ...(settings.toolTimeoutMs !== undefined && { toolTimeoutMs: settings.toolTimeoutMs }),
    ...(settings.journalRetention && { journalRetention: settings.journalRetention }),
    ...(settings.runRetention && { runRetention: settings.runRetention }),
    ...(settings.supervisionLimits && { supervisionLimits: settings.supervisionLimits }),
    ...(settings.runDurability && { runDurability: settings.runDurability }),
    ...(settings.spanExporter && { spanSink: settings.spanExporter }),
  });
  if (tokens) {
    state.installAuthToken(tokens.authToken);
    state.installHostToken(tokens.hostToken);
  }
  return state;
}

/** What the operator wrote and cannot be used is a matter of settings. */
function makeState(config: ServerStateConfig): ServerState {
  try {
    return ServerState.withConfig(config);
  } catch (error) {
    if (error instanceof BudgetFileError || error instanceof LedgerError)
      throw new ConfigError(`Cannot use the budgets: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A manifest that cannot be used stops no daemon: whoever calls for its agents is told why. */
export function openAgents(state: ServerState, logger: Logger, ws: string): void {
  // Agents run on this machine, so an address that stands for all of them is reached on the loopback.
  const daemonUrl = ws.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  try {
    const role = state.openAgents({ daemonUrl });
    logger.debug({ role, manifest: state.agentsManifest.path }, 'agents manifest');
  } catch (error) {
    logger.error({ err: error }, 'agents are not supervised');
  }
}

/** House-keeping that may take as long as it needs and fail as it likes. */
export function sweep(state: ServerState, logger: Logger, isPrimary: boolean): void {
  state.sweepStorage({ isAlone: isPrimary }).then(
    (swept) => logger.debug(swept, 'storage swept'),
    (error: unknown) => logger.warn({ err: error }, 'storage not swept'),
  );
}
