// Where the daemon keeps what: every path in one place, with its default.
import { dirname, join, resolve } from 'node:path';
import { auditPaths } from '../domains/external/index.ts';
import type { ServerStateConfig } from '../server-state-config.ts';

export type StateFiles = ReturnType<typeof stateFilesOf>;

export function stateFilesOf(config: ServerStateConfig) {
  const journalDir = resolve(config.journalDir);
  const home = dirname(journalDir);
  const stateRoot = resolve(config.stateRoot ?? home);
  return {
    journalDir,
    stateRoot,
    runsDir: join(home, 'runs'),
    memoryDir: resolve(config.memoryDir ?? join(stateRoot, 'memory')),
    keyDir: resolve(config.keyDir ?? home),
    policyDir: resolve(config.policyDir ?? join(home, 'policies')),
    agentsManifest: resolve(config.agentsManifest ?? join(stateRoot, 'agents.json')),
    /** Of agents: what they may do without asking. */
    postures: join(stateRoot, 'agent-permissions.json'),
    /** Of processes to be ended by the next daemon, should this one be killed. */
    children: join(stateRoot, 'run', 'children'),
    /** Decisions on operations. */
    permissionLedger: join(stateRoot, 'approvals.jsonl'),
    /** Nothing where approvals are kept in memory. */
    approvals: keptAt(config.approvalsFile, join(home, 'host-approvals.jsonl')),
    /** Nothing where goals are kept in memory. */
    goals: keptAt(config.goalsFile, join(home, 'chat-goals.json')),
    budgets: resolve(config.budgetFile ?? join(home, 'budgets.toml')),
    budgetLedger: resolve(config.budgetLedger ?? join(home, 'budget-ledger.jsonl')),
  };
}

/** What no built-in tool touches. */
export function privatePathsOf(files: StateFiles, config: ServerStateConfig): string[] {
  return [
    files.journalDir,
    files.runsDir,
    files.memoryDir,
    files.policyDir,
    files.postures,
    files.permissionLedger,
    files.budgets,
    files.budgetLedger,
    ...[files.approvals, files.goals].filter((path) => path !== undefined),
    // The key pair that signs journals.
    ...['journal-key', 'journal-key.pub'].map((name) => join(files.keyDir, name)),
    files.children,
    ...auditPaths(files.stateRoot),
    ...(config.privatePaths ?? []).map((path) => resolve(path)),
  ];
}

/** `null` says: in memory. */
function keptAt(path: string | null | undefined, fallback: string): string | undefined {
  return path === null ? undefined : resolve(path ?? fallback);
}
