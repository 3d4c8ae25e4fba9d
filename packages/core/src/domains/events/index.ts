import { eventLog } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import type { Journals } from './journals.ts';
import { eventMethods } from './methods.ts';

export type { EventFields, EventLog } from './event-log.ts';
export { createJournals, type Journals, type JournalsOptions } from './journals.ts';
export { defaultJournalRetention, pruneJournals, type JournalRetention } from './prune-journals.ts';

/** `events.*`: the connection's own event log. */
export function eventsDomain(journals: Journals): Domain<typeof eventLog> {
  return { name: 'events', contract: eventLog, methods: eventMethods(journals.logOf) };
}
