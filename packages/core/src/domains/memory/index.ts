import { memory, memoryBrowse, memoryScopes, proactiveMemory, type JournalEvent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { browseMethods } from './browse-methods.ts';
import { MemoryBrowser } from './browse.ts';
import type { EventSink } from './event-sink.ts';
import type { Memories } from './memories.ts';
import { memoryMethods } from './methods.ts';
import { proactiveMethods } from './proactive-methods.ts';
import { ProactiveMemory } from './proactive.ts';
import { scopeMethods } from './scopes.ts';
import { MemoryService } from './service.ts';

export type { EventSink } from './event-sink.ts';
export { Memories, type MemoriesOptions } from './memories.ts';

export interface MemoryDomainOptions {
  memories: Memories;
  events: EventSink;
  /** The run that a connection records now. */
  runOf: (connection: Connection) => string | undefined;
  /** Makes candidates of skills of events, where a model is configured; how many. */
  distil: (connection: Connection, events: readonly JournalEvent[], signal: AbortSignal) => Promise<number>;
}

/** `memory.*`: what agents know, and what they should be reminded of. */
export function memoryDomains(
  options: MemoryDomainOptions,
): [Domain<typeof memory>, Domain<typeof memoryBrowse>, Domain<typeof memoryScopes>, Domain<typeof proactiveMemory>] {
  const service = new MemoryService(options);
  const proactive = new ProactiveMemory({ ...options, service });
  return [
    { name: 'memory', contract: memory, methods: memoryMethods(service) },
    { name: 'memory-browse', contract: memoryBrowse, methods: browseMethods(new MemoryBrowser(options.memories)) },
    { name: 'memory-scopes', contract: memoryScopes, methods: scopeMethods(options.memories) },
    { name: 'proactive-memory', contract: proactiveMemory, methods: proactiveMethods(proactive) },
  ];
}
