import { toolChunkNotification, type tools } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import { awaitingEngine } from '../../kernel/engine-errors.ts';
import type { ToolAccess } from './index.ts';

export function toolMethods({ registryOf, detachedOf }: ToolAccess): Handlers<typeof tools> {
  return {
    'tools.register': (definitions, { connection }) => awaitingEngine(registryOf(connection).register(definitions)),
    'tools.list': (_params, { connection }) => {
      const list = registryOf(connection).list();
      return { tools: list, count: list.length };
    },
    'tools.unregister': ({ name }, { connection }) => ({
      unregistered: name,
      removed: registryOf(connection).unregister(name) ? 1 : 0,
    }),
    'tools.poll': ({ handle }, { connection }) => detachedOf(connection).poll(handle),
    'tools.cancel': ({ handle }, { connection }) => ({ cancelled: detachedOf(connection).cancel(handle) }),
    'tools.stream.subscribe': (_params, { connection }) => {
      detachedOf(connection).subscribe();
      return { subscribed: true };
    },
  };
}

/** `tools.chunk`, a notification: one of the wrong shape breaks the order of its stream, which ends it. */
export function takeChunk({ detachedOf }: ToolAccess, params: unknown, connection: Connection): void {
  const notification = toolChunkNotification().safeParse(params);
  if (notification.success) {
    const { request_id, seq, chunk } = notification.data;
    detachedOf(connection).takeChunk({ request_id, seq, chunk, chars: JSON.stringify(chunk).length });
  } else detachedOf(connection).refuseChunk(params, 'a chunk of the wrong shape');
}
