import { policy } from '@car-runtime/protocol';
import { PolicySet } from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { policyMethods } from './methods.ts';
import { PolicyFolder } from './policy-folder.ts';

export type PoliciesOf = (connection: Connection) => PolicySet;

/** One set of policies per connection, gone with it. It begins with those of the operator's files in `folder`, which no
 *  client can remove. */
export function createPolicySets(folder: string): PoliciesOf {
  const files = new PolicyFolder(folder);
  return perConnection(() => {
    const policies = new PolicySet();
    for (const rule of files.createPolicies()) policies.add({ ...rule, isFixed: true });
    return policies;
  });
}

/** `policy.*`: denial rules that every proposal of the connection is checked against. */
export function policyDomain(policiesOf: PoliciesOf): Domain<typeof policy> {
  return {
    name: 'policy',
    contract: policy,
    methods: policyMethods(policiesOf),
    // Made at once: a file that cannot be used refuses the connection instead of leaving it without a rule.
    onOpen: (connection) => void policiesOf(connection),
  };
}
