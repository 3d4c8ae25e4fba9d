import type { supervision } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { SupervisionService } from './service.ts';

export function supervisionMethods(service: SupervisionService): Handlers<typeof supervision> {
  return {
    'supervision.subscribe': ({ filter }, { connection }) => {
      service.subscribe(connection, filter ?? undefined);
      const { decisionTimeoutMs } = service.limits;
      return { subscribed: true, decision_timeout_ms: decisionTimeoutMs, supervisors: service.supervisors };
    },
    'supervision.unsubscribe': (_params, { connection }) => ({
      subscribed: false,
      was_subscribed: service.unsubscribe(connection),
    }),
    'supervision.pending': () => ({ intents: service.pending() }),
    'supervision.decide': ({ intent_id, decision }, { connection }) => {
      service.decide(connection, intent_id, decision);
      return { decided: true };
    },
  };
}
