import { server } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { serverMethods, type ServerFacts } from './methods.ts';

export type { ServerFacts } from './methods.ts';

/** `server.*` and `rpc.discover`: what this daemon is, speaks and offers. */
export function serverDomain(facts: () => ServerFacts): Domain<typeof server> {
  return { name: 'server', contract: server, methods: serverMethods(facts) };
}
