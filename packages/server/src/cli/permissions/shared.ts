// What the commands on permissions have in common.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '@car-runtime/client';
import { hostTokenPath } from '@car-runtime/client/node-paths';
import type { AgentPermissionMode, AgentPermissionPolicy, PermissionDecision } from '@car-runtime/protocol';
import type { CliContext } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { nameOf, safeJson, textOf } from '../plan/plan-text.ts';
import { paint, printLine, printTable, type Column } from '../terminal.ts';

export const tiers = ['read_only', 'sandbox_edit', 'full_access'] as const;
export type Tier = (typeof tiers)[number];
const modes = ['always_allow', 'require_approval', 'deny'] as const;

export const tierStyles = { read_only: 'green', sandbox_edit: 'yellow', full_access: 'red' } as const;
const decisionStyles = { allow: 'green', needs_approval: 'yellow', deny: 'red' } as const;
const modeStyles = { always_allow: 'green', require_approval: 'yellow', deny: 'red' } as const;

/** As host where its token is at hand, else as client: without a host token those may decide. */
export async function connectDecider(context: CliContext): Promise<Client> {
  const { role, tokenFile } = context.globals;
  const hostToken = tokenFile === undefined ? hostTokenPath() : join(dirname(tokenFile), 'host-token');
  return await context.connect(role === undefined && existsSync(hostToken) ? { role: 'host' } : {});
}

export function tierOf(value: unknown, option: string): Tier | undefined {
  if (value === undefined) return undefined;
  const tier = tiers.find((each) => each === value);
  if (tier) return tier;
  throw new UsageError(`${option} is ${tiers.join(', ')}, not ${JSON.stringify(value)}`);
}

export function modeOf(value: unknown): AgentPermissionMode | undefined {
  return modes.find((each) => each === value);
}

export function textOption(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function printDecisions(decisions: readonly PermissionDecision[]): void {
  printTable(decisions, [
    { title: 'ACTION', text: ({ action_id }) => nameOf(action_id), style: 'bold' },
    { title: 'DECISION', text: ({ decision }) => decision, style: ({ decision }) => decisionStyles[decision] },
    { title: 'NEEDS', text: ({ required }) => required, style: ({ required }) => tierStyles[required] },
    { title: 'UNDONE', text: ({ reversibility }) => reversibility },
    // Where nobody looks, all of it; it is what `approve` takes.
    {
      title: 'FINGERPRINT',
      text: ({ fingerprint }) => (process.stdout.isTTY ? fingerprint.slice(0, 12) : fingerprint),
    },
    { title: 'WHY', text: ({ reason, signals = [] }) => [reason, ...signals].filter(Boolean).join('; ') || '-' },
  ]);
}

interface PostureRow {
  readonly who: string;
  readonly modes: AgentPermissionPolicy['default'];
}

export function printPolicy(context: CliContext, policy: AgentPermissionPolicy): void {
  if (context.isJson) return printLine(safeJson(policy));
  const rows: PostureRow[] = [
    { who: '(default)', modes: policy.default },
    ...Object.entries(policy.agents).map(([who, each]) => ({ who, modes: each })),
  ];
  const column = (tier: Tier): Column<PostureRow> => ({
    title: tier.toUpperCase(),
    text: (row) => row.modes[tier] ?? '-',
    style: (row) => modeStyles[row.modes[tier] ?? 'require_approval'],
  });
  printTable(rows, [{ title: 'AGENT', text: ({ who }) => textOf(who, 40), style: 'bold' }, ...tiers.map(column)]);
}

/** Lines of a card the daemon rendered; a terminal is not trusted with them any more than with anything else. */
export function printCard(card: string): void {
  for (const [index, line] of card.split('\n').entries()) {
    const indent = /^ */.exec(line)?.[0] ?? '';
    const text = indent + textOf(line.trim(), 400);
    printLine(index === 0 ? paint('bold', text) : text);
  }
}
