import { fail, maxGoalIterations, type chat, type ChatGoal } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { ChatService } from './service.ts';

const defaultGoalIterations = 8;

export function chatMethods(service: ChatService): Handlers<typeof chat> {
  return {
    'agents.chat': async (params, { connection }) => {
      const { agent_id, prompt, session_id, stream, voice_input, model, attachments, goal, resumable } = params;
      if (goal && connection.role === 'agent')
        throw fail('forbidden', 'Cannot call agents.chat with goal: a goal is a command, which agents do not set');
      if (goal && attachments && attachments.length > 0)
        throw fail('invalid_params', 'Invalid params for agents.chat: goal and attachments exclude each other');
      const sessionId = await service.start(connection, {
        agentId: agent_id,
        prompt,
        sessionId: session_id ?? undefined,
        isStreamed: stream,
        isVoice: voice_input,
        model: model?.trim() === '' ? undefined : (model ?? undefined),
        attachments: attachments ?? undefined,
        goal: goal ? checkedGoal(goal) : undefined,
        isResumable: resumable ?? false,
      });
      return { accepted: true, session_id: sessionId };
    },
    'agents.chat.cancel': ({ session_id }, { connection }) => ({
      cancelled: service.cancel(connection, session_id),
      session_id,
    }),
    'agents.chat.approve': async ({ session_id, approval_id, decision }, { connection }) => ({
      // Left out, it is no.
      resolved: await service.approve(connection, session_id, approval_id, decision ?? false),
      session_id,
    }),
    'agents.chat.watch': ({ session_id, after }, { connection }) => {
      const { agentId, cursor, delivery, entries, isEnded } = service.watch(connection, session_id, after ?? undefined);
      return { session_id, agent_id: agentId, cursor, delivery, events: entries, ended: isEnded };
    },
    'agents.chat.unwatch': ({ session_id }, { connection }) => ({
      session_id,
      removed: service.unwatch(connection, session_id),
    }),
  };
}

/** Trimmed, not empty, and with a number of iterations within bounds. */
export function checkedGoal({ check, max_iterations }: ChatGoal): ChatGoal & { max_iterations: number } {
  const trimmed = check.trim();
  if (trimmed === '') throw fail('invalid_params', 'goal.check must not be empty');
  const wanted = Math.trunc(max_iterations ?? defaultGoalIterations);
  return { check: trimmed, max_iterations: Math.min(maxGoalIterations, Math.max(1, wanted)) };
}
