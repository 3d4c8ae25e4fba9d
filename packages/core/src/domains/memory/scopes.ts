// Memories by name, for hosts: those that are kept, and the one a host looks into.
import { readdirSync } from 'node:fs';
import { maxMemoryScopes, type memoryScopes, type MemoryScope } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { Memories } from './memories.ts';
import { agentFolder, decodeName, namespaceFolder } from './store/memory-names.ts';
import { join } from 'node:path';

export function scopeMethods(memories: Memories): Handlers<typeof memoryScopes> {
  return {
    'memory.scopes': (_params, { connection }) => {
      const all = [
        ...namesIn(join(memories.root, namespaceFolder)).map((name) => ({ kind: 'namespace' as const, name })),
        ...namesIn(join(memories.root, agentFolder)).map((name) => ({ kind: 'agent' as const, name })),
      ];
      const scopes = all.slice(0, maxMemoryScopes);
      return {
        scopes,
        ...(all.length > scopes.length && { left_out: all.length - scopes.length }),
        selected: memories.selectedBy(connection),
      };
    },
    'memory.select': ({ namespace, agent_id }, { connection }) => {
      memories.select(connection, toScope(namespace ?? undefined, agent_id ?? undefined));
      return memories.selectedBy(connection);
    },
  };
}

function toScope(namespace: string | undefined, agentId: string | undefined): MemoryScope {
  if (namespace !== undefined) return { kind: 'namespace', name: namespace };
  return agentId === undefined ? { kind: 'own' } : { kind: 'agent', name: agentId };
}

/** Names of the memories whose files are in a folder, sorted. */
function namesIn(folder: string): string[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const names = files.flatMap((file) => {
    const [, encoded] = /^(.+)\.jsonl?$/.exec(file) ?? [];
    const name = encoded === undefined ? undefined : decodeName(encoded);
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)].toSorted();
}
