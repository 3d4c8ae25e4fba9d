import type { tools } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { awaitingEngine } from '../../kernel/engine-errors.ts';
import type { ToolAccess } from './index.ts';

export function toolMethods({ registryOf }: ToolAccess): Handlers<typeof tools> {
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
  };
}
