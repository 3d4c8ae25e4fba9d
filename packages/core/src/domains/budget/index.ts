import type { Meter } from '@car-runtime/engine';
import { budgets } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Health } from '../../kernel/health.ts';
import { BudgetAdmin, type AdminOptions } from './admin.ts';
import { ConfigFile } from './config-file.ts';
import { ForeignLedger, LedgerFile } from './ledger.ts';
import { budgetMethods } from './methods.ts';
import { BudgetService, type BudgetClock, type BudgetOptions } from './service.ts';

export { BudgetFileError } from './budget-file.ts';
export { LedgerError } from './ledger.ts';
export type { BudgetClock } from './service.ts';

export interface Budgets extends Disposable {
  readonly service: BudgetService;
  readonly admin: BudgetAdmin;
  /** Asked before each call of a tool. */
  meterOf(connection: Connection): Meter;
  /** For programs that watch the daemon. */
  counts(): { refusals: ReadonlyMap<string, number>; openCalls: number; accounts: number };
}

export interface BudgetsOptions
  extends Omit<BudgetOptions, 'config' | 'ledger'>, Omit<AdminOptions, 'service' | 'announce'> {
  /** The operator's budgets and prices. */
  configPath: string;
  ledgerPath: string;
  /** Another daemon keeps the ledger: what needs a budget is refused. */
  isForeign: boolean;
  health: Health;
  clock?: BudgetClock | undefined;
}

/** Throws `BudgetFileError` when the operator's file cannot be used. */
export function createBudgets(options: BudgetsOptions): Budgets {
  const { configPath, ledgerPath: path, isForeign, health, logger } = options;
  const ledger = isForeign ? new ForeignLedger(path) : new LedgerFile({ path, health, logger });
  const service = new BudgetService({ ...options, config: new ConfigFile(configPath), ledger });
  return {
    service,
    admin: new BudgetAdmin({ ...options, service }),
    meterOf: (connection) => service.meterOf(connection),
    counts: () => ({
      refusals: service.refusals,
      openCalls: service.book.openCalls,
      accounts: service.book.accounts.size,
    }),
    [Symbol.dispose]: () => service[Symbol.dispose](),
  };
}

/** `budget.*`: how much may be used, and how much was. */
export function budgetDomain({ service, admin }: Budgets): Domain<typeof budgets> {
  return {
    name: 'budget',
    contract: budgets,
    methods: budgetMethods(service, admin),
    // A file that cannot be used refuses the connection instead of leaving it with rules that no longer hold.
    onOpen: () => service.refresh(),
  };
}
