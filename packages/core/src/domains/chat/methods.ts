import { fail, type chat } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { ChatService } from './service.ts';

export function chatMethods(service: ChatService): Handlers<typeof chat> {
  return {
    'agents.chat': async (params, { connection }) => {
      const { agent_id, prompt, session_id, stream, voice_input, model, attachments, goal, resumable } = params;
      if (goal) checkMayCommand(service, connection);
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
        goal: goal ?? undefined,
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

/** A goal is a command of this machine: never an agent's to give, and under strict roles only a host's. */
function checkMayCommand(service: ChatService, { role }: Connection): void {
  if (role === 'host' || (role !== 'agent' && !service.hasStrictRoles)) return;
  const why = role === 'agent' ? 'which agents do not set' : 'which needs the host role';
  throw fail('forbidden', `Cannot call agents.chat with goal: a goal is a command, ${why}`, { data: { role } });
}
