// `host.sessions`, `host.session` and `host.session_events`: what is in force for whom and what it did, for hosts.
import {
  fail,
  maxToolsShown,
  sessions,
  toolDescription,
  type HostSession,
  type JournalEvent,
  type MetricsSummary,
} from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';

interface Named {
  name: string;
  description: string;
}

/** What the composition root reads from other domains. */
export interface SessionFacts {
  connections(): ReadonlyMap<string, Connection>;
  toolsOf(connection: Connection): readonly { name: string; description?: string | undefined }[];
  policiesOf(connection: Connection): readonly Named[];
  tierOf(connection: Connection): HostSession['granted_tier'];
  supervises(connection: Connection): HostSession['supervises'];
  metricsOf(connection: Connection, signal: AbortSignal): Promise<MetricsSummary>;
  /** Newest first, and how many there are. */
  eventsOf(
    connection: Connection,
    filter: { kinds: readonly string[] | undefined; limit: number },
    signal: AbortSignal,
  ): Promise<{ events: JournalEvent[]; total: number }>;
}

export function sessionsDomain(facts: SessionFacts): Domain<typeof sessions> {
  return {
    name: 'sessions',
    contract: sessions,
    methods: {
      'host.sessions': ({ limit }) => {
        const all = [...facts.connections().values()].filter(({ role }) => role !== 'none');
        return { sessions: all.slice(0, limit).map((connection) => toRow(facts, connection)), total: all.length };
      },
      'host.session': async ({ client_id }, { signal }) => {
        const connection = find(facts, client_id);
        return {
          session: toRow(facts, connection),
          tools: facts
            .toolsOf(connection)
            .slice(0, maxToolsShown)
            .map(({ name, description = '' }) => ({ name, description: toolDescription(description) })),
          policies: [...facts.policiesOf(connection)],
          metrics: await facts.metricsOf(connection, signal),
        };
      },
      'host.session_events': async ({ client_id, kinds, limit }, { signal }) => {
        const connection = find(facts, client_id);
        const { events, total } = await facts.eventsOf(connection, { kinds: kinds ?? undefined, limit }, signal);
        return { events: events.toReversed(), total };
      },
    },
  };
}

function find(facts: SessionFacts, clientId: string): Connection {
  const connection = facts.connections().get(clientId);
  if (connection) return connection;
  throw fail('failed', `Cannot show session ${JSON.stringify(clientId)}: there is no such connection`, {
    data: { reason: 'unknown_session' },
  });
}

function toRow(facts: SessionFacts, connection: Connection): HostSession {
  const { id, role, info, agentId, memoryNamespace, connectedAt } = connection;
  const supervises = facts.supervises(connection);
  return {
    client_id: id,
    role,
    transport: info.transport,
    ...(agentId !== undefined && { agent_id: agentId }),
    ...(memoryNamespace !== undefined && { memory_namespace: memoryNamespace }),
    connected_at: connectedAt.toISOString(),
    granted_tier: facts.tierOf(connection),
    tools: facts.toolsOf(connection).length,
    policies: facts.policiesOf(connection).length,
    ...(supervises && { supervises }),
  };
}
