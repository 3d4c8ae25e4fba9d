import { z } from 'zod';
import { method } from './declare.ts';

/** Wire protocol version; client and daemon must match exactly (Authentication, server.handshake). */
export const protocolVersion = 2;

export const server = {
  'server.handshake': method({
    summary: 'Agree on the wire protocol version',
    // The version is checked by the handler: a missing or wrong one has its own error, not invalid_params.
    params: () => z.object({ protocol_version: z.unknown().optional(), client_version: z.unknown().optional() }),
    result: () =>
      z.object({ protocol_version: z.number(), server_version: z.string(), client_protocol_version: z.number() }),
    access: 'session',
    effect: 'write',
    errors: ['version_mismatch'],
    section: 'Authentication',
  }),
  'server.status': method({
    summary: 'What this daemon is and how it is doing',
    params: () => z.object({}),
    result: () =>
      z.object({
        server_version: z.string(),
        protocol_version: z.number(),
        pid: z.number(),
        started_at: z.string(),
        uptime_ms: z.number(),
        sessions: z.number(),
        requests_total: z.number(),
        auth_enabled: z.boolean(),
        is_draining: z.boolean(),
        loop_delay_p99_ms: z.number(),
        rss_bytes: z.number(),
        degraded: z.array(z.string()),
        /** This connection, as the daemon sees it. */
        connection: z.object({
          client_id: z.string(),
          role: z.enum(['agent', 'client', 'host']),
          transport: z.string(),
          agent_id: z.string().optional(),
        }),
      }),
    access: 'session',
    effect: 'read',
    section: 'Framing and dispatch',
    isExtension: true,
  }),
  'server.schema': method({
    summary: 'The declaration of one method, or of all: access, effect, and JSON Schemas of params and result',
    params: () => z.object({ method: z.string().optional() }),
    result: () => z.object({ methods: z.array(z.record(z.string(), z.unknown())) }),
    access: 'session',
    effect: 'read',
    section: 'Framing and dispatch',
    isExtension: true,
  }),
  'rpc.discover': method({
    summary: 'This interface as an OpenRPC document',
    params: () => z.object({}),
    result: () => z.record(z.string(), z.unknown()),
    access: 'session',
    effect: 'read',
    section: 'Framing and dispatch',
    isExtension: true,
  }),
};
