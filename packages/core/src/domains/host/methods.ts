import { fail, type host as contract } from '@car-runtime/protocol';
import { EntryTooLargeError } from '../../kernel/cursor-feed.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { NewHostEvent } from './event-feed.ts';
import type { Host, HostDependencies } from './index.ts';

const defaultEvents = 100;
/** Events of one snapshot, as JSON. */
const maxSnapshotEventCharacters = 1024 * 1024;
/** What the daemon alone says: a host that reads it may rely on it. */
const reservedKinds = /^(?:approval|budget|permission|store|supervision)\.|^gap$/;

/** `T` without what was left out or null. */
type Given<T> = { [Key in keyof T]?: NonNullable<T[Key]> };

export function hostMethods(
  { feed, events, registry }: Host,
  dependencies: HostDependencies,
): Handlers<typeof contract> {
  return {
    'host.subscribe': ({ after }, { connection }) => {
      if (dependencies.needsHandshake && !connection.isProtocolNegotiated) {
        throw fail('handshake_required', 'protocol handshake required: call server.handshake before host.subscribe');
      }
      // One synchronous block: nothing happens between the snapshot and the first event.
      const { delivery, entries, cursor } = feed.subscribe(connection, after ?? undefined);
      const { approvals, pending, next } = dependencies.approvalsShown();
      return {
        subscribed: true as const,
        agents: registry.agents(),
        devices: registry.devices(),
        approvals,
        ...(after && { delivery }),
        events: entries ?? feed.newest(defaultEvents, maxSnapshotEventCharacters),
        identity: dependencies.identity(),
        pending_signins: [],
        event_sequence: cursor.seq,
        cursor,
        approvals_pending: pending,
        ...(next !== undefined && { approvals_next: next }),
      };
    },
    'host.agents': () => registry.agents(),
    'host.devices': () => registry.devices(),
    'host.events': ({ limit }) => ({ events: feed.newest(limit ?? defaultEvents) }),
    'host.register_agent': ({ name, kind, ...rest }, { connection }) =>
      registry.registerAgent(connection, { name, kind, ...given(rest) }),
    'host.unregister_agent': ({ agent_id }, { connection }) => {
      registry.unregisterAgent(connection, agent_id);
      return { ok: true };
    },
    'host.set_status': ({ agent_id, status, current_task, message, payload }, { connection }) =>
      withinEventSize('host.set_status', () =>
        registry.setStatus(connection, agent_id, {
          status,
          currentTask: current_task ?? undefined,
          message: message ?? undefined,
          payload: payload ?? undefined,
        }),
      ),
    'host.register_device': ({ name, platform, ...rest }, { connection }) =>
      registry.registerDevice(connection, { name, platform, ...given(rest) }),
    'host.update_device': ({ device_id, ...rest }, { connection }) =>
      registry.updateDevice(connection, device_id, given(rest)),
    'host.notify': ({ kind, agent_id, message, payload }) => {
      if (kind != null && reservedKinds.test(kind)) {
        throw fail(
          'failed',
          `Cannot call host.notify: events of kind ${JSON.stringify(kind)} come from the daemon alone`,
          {
            data: { reason: 'reserved_kind' },
          },
        );
      }
      const event: NewHostEvent = {
        agentId: agent_id ?? undefined,
        message: message ?? undefined,
        payload: payload ?? {},
      };
      return withinEventSize('host.notify', () => events.publish(kind ?? 'host.notification', event));
    },
  };
}

function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null)) as Given<T>;
}

function withinEventSize<T>(method: string, publish: () => T): T {
  try {
    return publish();
  } catch (error) {
    if (!(error instanceof EntryTooLargeError)) throw error;
    throw fail('failed', `Cannot call ${method}: payload is too large: ${error.message}`, {
      data: { reason: 'too_large' },
      cause: error,
    });
  }
}
