import { z } from 'zod';
import { method } from './declare.ts';

export const auth = {
  'session.auth': method({
    summary: 'Authenticate this connection with a daemon, agent or host credential',
    params: () =>
      z.object({
        token: z.string().optional(),
        agent_id: z.string().optional(),
        host_token: z.string().optional(),
        memory_namespace: z.string().optional(),
      }),
    result: () =>
      z.object({
        ok: z.literal(true),
        auth_enabled: z.boolean(),
        agent_id: z.string().optional(),
        role: z.literal('host').optional(),
        memory_namespace: z.string().optional(),
      }),
    access: 'public',
    effect: 'write',
    order: 'session.auth',
    errors: ['auth_failed'],
    section: 'Authentication',
  }),
};
