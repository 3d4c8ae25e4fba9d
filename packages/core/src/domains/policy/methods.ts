import type { policy } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { callingEngine } from '../../kernel/engine-errors.ts';
import type { PoliciesOf } from './index.ts';

export function policyMethods(policiesOf: PoliciesOf): Handlers<typeof policy> {
  return {
    'policy.register': (definition, { connection }) => {
      callingEngine(() => policiesOf(connection).register(definition));
      return { registered: definition.name, scope: scopeOf(definition.session_id) };
    },
    'policy.unregister': ({ name, session_id }, { connection }) => {
      const removed = callingEngine(() => policiesOf(connection).unregister(name, session_id ?? undefined));
      return { unregistered: name, removed, scope: scopeOf(session_id) };
    },
    'policy.list': ({ session_id }, { connection }) => {
      const policies = callingEngine(() => policiesOf(connection).list(session_id ?? undefined));
      return { policies, scope: scopeOf(session_id) };
    },
  };
}

function scopeOf(sessionId: string | null | undefined): 'global' | { session_id: string } {
  return sessionId === undefined || sessionId === null ? 'global' : { session_id: sessionId };
}
