import type { state } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { StoreOf } from './index.ts';

export function stateMethods(storeOf: StoreOf): Handlers<typeof state> {
  return {
    'state.get': ({ key, tenant_id }, { connection }) => storeOf(connection).view(tenant_id).get(key),
    'state.set': ({ key, value, tenant_id }, { connection }) => {
      storeOf(connection)
        .view(tenant_id)
        .set(key, value ?? null);
      return 'ok';
    },
    'state.exists': ({ key, tenant_id }, { connection }) => storeOf(connection).view(tenant_id).has(key),
    'state.keys': ({ tenant_id }, { connection }) => storeOf(connection).view(tenant_id).keys(),
    'state.snapshot': ({ tenant_id }, { connection }) => storeOf(connection).view(tenant_id).snapshot(),
  };
}
