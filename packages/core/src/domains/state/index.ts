import { state } from '@car-runtime/protocol';
import { StateStore } from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { stateMethods } from './methods.ts';

export type StoreOf = (connection: Connection) => StateStore;

/** One store per connection, gone with it. */
export function createStateStores(): StoreOf {
  return perConnection(() => new StateStore());
}

/** `state.*`: the connection's own store, by tenant. */
export function stateDomain(storeOf: StoreOf): Domain<typeof state> {
  return { name: 'state', contract: state, methods: stateMethods(storeOf) };
}
