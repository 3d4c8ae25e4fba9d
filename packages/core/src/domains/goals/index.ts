import { goals } from '@car-runtime/protocol';
import type { Health } from '../../kernel/health.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Logger } from '../../kernel/logger.ts';
import { goalMethods, type GoalsOptions } from './methods.ts';
import { GoalService } from './service.ts';
import { GoalStore } from './store.ts';

export { runGoalCheck } from './check.ts';
export { checkedGoal, GoalService, type CheckedGoal } from './service.ts';

/** `goal.*`: goals of chat sessions. */
export function goalsDomain(options: GoalsOptions): Domain<typeof goals> {
  return { name: 'goals', contract: goals, methods: goalMethods(options) };
}

export function createGoals(options: { path: string | undefined; health: Health; logger: Logger }): GoalService {
  return new GoalService(new GoalStore(options));
}
