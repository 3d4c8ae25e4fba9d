import { fail, type goals } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { GoalService } from './service.ts';
import { suggestGoal } from './suggest.ts';

export interface GoalsOptions {
  service: GoalService;
  /** Whether only hosts name commands and folders of this machine. */
  hasStrictRoles(): boolean;
}

export function goalMethods({ service, hasStrictRoles }: GoalsOptions): Handlers<typeof goals> {
  /** A command, or a folder of this machine, is never an agent's to name, and under strict roles only a host's. */
  const checkMayGive = (field: string, { role }: Connection): void => {
    if (role === 'host' || (role !== 'agent' && !hasStrictRoles())) return;
    const why = role === 'agent' ? 'not available to agents' : 'needs the host role';
    throw fail('forbidden', `Cannot call goal.suggest with ${field}: ${why} (this connection is ${role})`, {
      data: { role },
    });
  };
  return {
    'goal.set': ({ session_id, goal, check, max_iterations }) => {
      if (!goal && check == null)
        throw fail('invalid_params', 'Invalid params for goal.set: goal or check is required');
      return { set: true, goal: service.set(session_id, goal ?? { check: check ?? '', max_iterations }) };
    },
    'goal.status': ({ session_id }) =>
      session_id == null ? { goals: service.all() } : { session_id, goal: service.status(session_id) },
    'goal.clear': ({ session_id }) =>
      session_id == null ? { cleared: service.clearAll() } : { cleared: service.clear(session_id), session_id },
    'goal.suggest': (params, { connection }) => {
      const { session_id, set } = params;
      const prompt = params.prompt ?? params.objective;
      const folder = params.working_dir ?? params.cwd ?? undefined;
      if (prompt == null)
        throw fail('invalid_params', 'Invalid params for goal.suggest: prompt or objective is required');
      if (folder !== undefined) checkMayGive('working_dir', connection);
      if (!set) return suggestGoal(prompt, folder);
      checkMayGive('set', connection);
      if (session_id == null) throw fail('invalid_params', 'Invalid params for goal.suggest: set needs session_id');
      const suggestion = suggestGoal(prompt, folder);
      if (!suggestion.goal) return suggestion;
      return { ...suggestion, set: true, session_id, stored_goal: service.set(session_id, suggestion.goal) };
    },
  };
}
