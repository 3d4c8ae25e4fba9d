import {
  callbacks,
  events,
  fail,
  methods,
  protocolVersion,
  type server,
  toMethodSchema,
  toOpenRpc,
  type MethodDeclaration,
} from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { version } from '../../version.ts';

/** What the composition root knows and this domain reports. */
export interface ServerFacts {
  readonly startedAt: Date;
  readonly sessions: number;
  readonly requestsTotal: number;
  readonly isAuthRequired: boolean;
  readonly isDraining: boolean;
  readonly loopDelayP99Ms: number;
  readonly degraded: string[];
}

export function serverMethods(facts: () => ServerFacts): Handlers<typeof server> {
  return {
    'server.handshake': ({ protocol_version }, { connection }) => {
      if (protocol_version !== protocolVersion) throw versionMismatch(protocol_version);
      connection.isProtocolNegotiated = true;
      return { protocol_version: protocolVersion, server_version: version, client_protocol_version: protocol_version };
    },
    'server.status': (_params, { connection }) => {
      const now = facts();
      return {
        server_version: version,
        protocol_version: protocolVersion,
        pid: process.pid,
        started_at: now.startedAt.toISOString(),
        uptime_ms: Date.now() - now.startedAt.getTime(),
        sessions: now.sessions,
        requests_total: now.requestsTotal,
        auth_enabled: now.isAuthRequired,
        is_draining: now.isDraining,
        loop_delay_p99_ms: now.loopDelayP99Ms,
        rss_bytes: process.memoryUsage.rss(),
        degraded: now.degraded,
        connection: {
          client_id: connection.id,
          role: connection.role === 'none' ? 'client' : connection.role,
          transport: connection.info.transport,
          ...(connection.agentId !== undefined && { agent_id: connection.agentId }),
        },
      };
    },
    'server.schema': ({ method }) => ({ methods: schemasOf(method) }),
    'rpc.discover': () => (openRpc ??= toOpenRpc({ methods, events, callbacks, version })),
  };
}

/** Derived from every schema there is: a tenth of a second, so once. */
let openRpc: Record<string, unknown> | undefined;
let allSchemas: Record<string, unknown>[] | undefined;

function schemasOf(name: string | undefined): Record<string, unknown>[] {
  const declarations: Readonly<Record<string, MethodDeclaration>> = methods;
  if (name === undefined)
    return (allSchemas ??= Object.entries(declarations).map(([each, declaration]) =>
      toMethodSchema(each, declaration),
    ));
  const declaration = Object.hasOwn(declarations, name) ? declarations[name] : undefined;
  if (!declaration) throw fail('failed', `Cannot describe "${name}": unknown method`);
  return [toMethodSchema(name, declaration)];
}

function versionMismatch(given: unknown): Error {
  const shown = given === undefined ? 'none' : JSON.stringify(given);
  return fail(
    'version_mismatch',
    `protocol version mismatch: this daemon speaks ${protocolVersion}, the client sent ${shown}`,
    {
      data: { supported: [protocolVersion] },
    },
  );
}
