import type { budgets } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { BudgetAdmin } from './admin.ts';
import type { BudgetService } from './service.ts';

export function budgetMethods({ catalogue }: BudgetService, admin: BudgetAdmin): Handlers<typeof budgets> {
  return {
    'budget.list': () => ({
      budgets: catalogue.list().map(({ budget }) => budget),
      prices: [...catalogue.prices.values()],
    }),
    'budget.get': ({ name }, { connection }) => admin.get(connection, name),
    'budget.usage': ({ limit, ...which }, { connection }) => admin.usage(connection, which, limit),
    'budget.set': (definition) => admin.set(definition),
    'budget.remove': ({ name }) => ({ removed: admin.remove(name) }),
    'budget.extend': ({ name, add, reason, ...which }, { connection }) =>
      admin.extend(connection, name, which, add, reason ?? undefined),
    'budget.reset': ({ name, ...which }) => ({ reset: admin.reset(name, which) }),
  };
}
