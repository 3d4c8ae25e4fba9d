import { fail, type state } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { encodeInSlices } from '../../infra/encode-in-slices.ts';
import { callingEngine } from '../../kernel/engine-errors.ts';
import type { StoreOf } from './index.ts';

/** Of one answer: what a frame takes. */
const maxSnapshotChars = 16 * 1024 * 1024;

/** More is encoded a slice at a time. */
const maxCharsAtOnce = 64 * 1024;

export function stateMethods(storeOf: StoreOf): Handlers<typeof state> {
  return {
    'state.get': ({ key, tenant_id }, { connection }) => storeOf(connection).view(tenant_id).get(key),
    'state.set': ({ key, value, tenant_id }, { connection }) => {
      const view = storeOf(connection).view(tenant_id);
      callingEngine(() => view.set(key, value ?? null));
      return 'ok';
    },
    'state.exists': ({ key, tenant_id }, { connection }) => storeOf(connection).view(tenant_id).has(key),
    'state.keys': ({ tenant_id }, { connection }) => storeOf(connection).view(tenant_id).keys(),
    'state.snapshot': ({ tenant_id }, { connection, cancel }) => {
      const view = storeOf(connection).view(tenant_id);
      const chars = view.snapshotChars;
      if (chars > maxSnapshotChars) {
        const why = `it has more than ${maxSnapshotChars} characters; state.keys and state.get read it piece by piece`;
        throw fail('failed', `Cannot answer a snapshot of the state: ${why}`, {
          data: { reason: 'snapshot_too_large' },
        });
      }
      return chars > maxCharsAtOnce ? encodeInSlices(view.entries(), cancel) : view.snapshot();
    },
  };
}
