import { fail, webConsole } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';

/** A link that lets one browser in, once. */
export interface ConsoleTicket {
  url: string;
  expiresAt: Date;
}

/** `host.console_ticket`. Whoever serves the console mints its tickets; a core without a console has none. */
export function consoleDomain(mint: (() => ConsoleTicket) | undefined): Domain<typeof webConsole> {
  return {
    name: 'console',
    contract: webConsole,
    methods: {
      'host.console_ticket': () => {
        if (!mint) throw fail('failed', 'This daemon serves no web console', { data: { reason: 'no_console' } });
        const { url, expiresAt } = mint();
        return { url, expires_at: expiresAt.toISOString() };
      },
    },
  };
}
