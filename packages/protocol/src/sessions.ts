// Sessions, for hosts: who is connected, and what is in force for each of them.
import { z } from 'zod';
import { method } from './declare.ts';
import { journalEvent } from './events.ts';
import { metricsSummary } from './metrics.ts';
import { once } from './once.ts';
import { tier } from './permission.ts';

const section = 'Host surface, Subscription and reads';
/** Of one answer. */
export const maxSessionsPerPage = 500;
const maxSessionEvents = 1_000;

const hostSession = once(() =>
  z
    .object({
      client_id: z.string(),
      role: z.enum(['none', 'agent', 'client', 'host']),
      transport: z.string(),
      agent_id: z.string().optional(),
      memory_namespace: z.string().optional(),
      connected_at: z.string(),
      granted_tier: tier(),
      /** How many there are; `host.session` names them. */
      tools: z.number(),
      policies: z.number(),
      /** Of one that supervises: the plans it is sent. */
      supervises: z
        .object({
          tools: z.array(z.string()).optional(),
          sessions: z.array(z.string()).optional(),
          min_reversibility: z.string().optional(),
        })
        .optional(),
    })
    .meta({ id: 'HostSession' }),
);
export type HostSession = z.output<ReturnType<typeof hostSession>>;

const maxDescriptionChars = 1_000;
export const maxToolsShown = 2_000;
export const toolDescription = (text: string): string => text.slice(0, maxDescriptionChars);

export const sessions = {
  'host.sessions': method({
    summary: 'Connections of this daemon, the oldest first, with how much is in force for each',
    params: () => z.object({ limit: z.int().min(1).max(maxSessionsPerPage).default(100) }),
    result: () => z.object({ sessions: z.array(hostSession()), total: z.number() }),
    access: 'host',
    effect: 'read',
    section,
    isExtension: true,
  }),
  'host.session': method({
    summary: 'One connection: its tools, its policies, and numbers over its events',
    params: () => z.object({ client_id: z.string() }),
    result: () =>
      z.object({
        session: hostSession(),
        tools: z.array(z.object({ name: z.string(), description: z.string() })),
        policies: z.array(z.object({ name: z.string(), description: z.string() })),
        metrics: metricsSummary(),
      }),
    access: 'host',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'host.session_events': method({
    summary: "The newest events in a connection's journal, oldest first",
    params: () =>
      z.object({
        client_id: z.string(),
        kinds: z.array(z.string()).max(256).nullish(),
        limit: z.int().min(1).max(maxSessionEvents).default(200),
      }),
    result: () =>
      z.object({
        events: z.array(journalEvent()),
        /** Events the journal holds. */
        total: z.number(),
      }),
    access: 'host',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
};
