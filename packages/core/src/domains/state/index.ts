import { state } from '@car-runtime/protocol';
import { StateStore, type StateLimits } from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { stateMethods } from './methods.ts';

export type StoreOf = (connection: Connection) => StateStore;

/** Of one connection, all tenants together. */
const limits: StateLimits = { maxKeys: 100_000, maxChars: 64 * 1024 * 1024 };

/** One store per connection, gone with it. */
export function createStateStores(): StoreOf {
  return perConnection(() => new StateStore(limits));
}

/** `state.*`: the connection's own store, by tenant. */
export function stateDomain(storeOf: StoreOf): Domain<typeof state> {
  return { name: 'state', contract: state, methods: stateMethods(storeOf) };
}
