import { z } from 'zod';
import { method } from './declare.ts';

export const webConsole = {
  'host.console_ticket': method({
    summary: 'A link that opens the web console once, within a minute',
    params: () => z.object({}),
    result: () => z.object({ url: z.string(), expires_at: z.string() }),
    access: 'host',
    effect: 'write',
    section: 'GET /auth-token',
  }),
};
