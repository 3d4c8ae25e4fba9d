import { session, type PolicyDefinition } from '@car-runtime/protocol';
import { createPolicy, type PolicySet, type ToolRegistry } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain, Handlers } from '../../kernel/domain.ts';
import { awaitingEngine, callingEngine } from '../../kernel/engine-errors.ts';

export interface SessionDependencies {
  registryOf(connection: Connection): ToolRegistry;
  policiesOf(connection: Connection): PolicySet;
}

/** `session.init` and the policy sessions. */
export function sessionDomain(dependencies: SessionDependencies): Domain<typeof session> {
  return { name: 'session', contract: session, methods: sessionMethods(dependencies) };
}

/** Throws what registering the policy would throw of its definition. */
function checkPolicy(policies: PolicySet, definition: PolicyDefinition): void {
  createPolicy(definition);
  policies.list(definition.session_id ?? undefined);
}

function sessionMethods({ registryOf, policiesOf }: SessionDependencies): Handlers<typeof session> {
  return {
    'session.init': async ({ tools, policies }, { connection }) => {
      // What is wrong with any of them shows before one is registered, so that a client can send the whole again.
      for (const definition of policies) callingEngine(() => checkPolicy(policiesOf(connection), definition));
      const tools_registered = await awaitingEngine(registryOf(connection).register(tools));
      for (const definition of policies) callingEngine(() => policiesOf(connection).register(definition));
      return { session_id: connection.id, tools_registered, policies_registered: policies.length };
    },
    'session.policy.open': (_params, { connection }) => ({
      session_id: callingEngine(() => policiesOf(connection).openSession()),
    }),
    'session.policy.close': ({ session_id }, { connection }) => ({
      closed: policiesOf(connection).closeSession(session_id),
    }),
  };
}
