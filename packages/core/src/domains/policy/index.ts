import { policy } from '@car-runtime/protocol';
import { PolicySet } from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { policyMethods } from './methods.ts';

export type PoliciesOf = (connection: Connection) => PolicySet;

/** One set of policies per connection, gone with it. */
export function createPolicySets(): PoliciesOf {
  return perConnection(() => new PolicySet());
}

/** `policy.*`: denial rules that every proposal of the connection is checked against. */
export function policyDomain(policiesOf: PoliciesOf): Domain<typeof policy> {
  return { name: 'policy', contract: policy, methods: policyMethods(policiesOf) };
}
