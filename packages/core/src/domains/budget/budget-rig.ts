// A budget service on a temporary folder, with a clock that the test moves. For tests.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolSchema } from '@car-runtime/engine';
import { Health } from '../../kernel/health.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { ConfigFile } from './config-file.ts';
import { LedgerFile, type Ledger } from './ledger.ts';
import { BudgetService, type BudgetOptions } from './service.ts';

export class FakeClock {
  epochMs = Date.parse('2026-03-01T12:00:00.000Z');
  elapsedMs = 0;
  now = (): number => this.epochMs;
  monotonic = (): number => this.elapsedMs;

  pass(ms: number): void {
    this.epochMs += ms;
    this.elapsedMs += ms;
  }
}

export interface RigOptions extends Partial<Omit<BudgetOptions, 'clock'>> {
  folder: string;
  toml?: string;
  ledgerName?: string;
  compactBytes?: number;
  clock?: FakeClock;
}

export function createRig({ folder, toml, ledgerName = 'ledger.jsonl', compactBytes, ...options }: RigOptions) {
  const clock = options.clock ?? new FakeClock();
  const configPath = join(folder, 'budgets.toml');
  if (toml !== undefined) writeFileSync(configPath, toml);
  const ledgerPath = join(folder, ledgerName);
  const health = new Health();
  const ledger: Ledger = new LedgerFile({
    path: ledgerPath,
    health,
    logger: silentLogger,
    ...(compactBytes !== undefined && { compactBytes }),
  });
  const announced: { kind: string; payload: Record<string, unknown> }[] = [];
  const service = new BudgetService({
    config: new ConfigFile(configPath),
    ledger,
    logger: silentLogger,
    logOf: () => ({ append: () => undefined }),
    registryOf: () => ({ get: (name): ToolSchema | undefined => builtin(name) }),
    runOf: () => undefined,
    isConnected: () => true,
    announce: (kind, { payload }) => announced.push({ kind, payload: payload as Record<string, unknown> }),
    defaultCallMs: 300_000,
    ...options,
    clock,
  });
  return { service, clock, ledgerPath, configPath, health, announced };
}

function builtin(name: string): ToolSchema | undefined {
  return name.startsWith('free')
    ? { name, description: '', parameters: {}, idempotent: false, source: 'builtin' }
    : undefined;
}

/** A call of a tool with this price. */
export function call(options: {
  agent?: string | null;
  run?: string;
  tokens?: number;
  micros?: number;
  timeoutMs?: number;
  isDetached?: boolean;
}) {
  const { agent = 'a1', run = 'r1', tokens, micros, timeoutMs, isDetached } = options;
  return {
    what: "tool 't'",
    payer: { agent, run },
    price: { tokens, cost_usd: micros, wallTimeMs: undefined, isReported: true },
    timeoutMs,
    isDetached,
  };
}
