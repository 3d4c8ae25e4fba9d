// A daemon with nothing but the event log and its numbers, and the logs themselves in hand: other domains write events of
// few kinds, a test needs them all.
import { connect, type Client } from '@car-runtime/client';
import { createMemoryPair } from '@car-runtime/rpc';
import { TempFolder } from '@car-runtime/testkit';
import type { JournalSigner } from '../src/journal/key-pair.ts';
import { openSigner } from '../src/journal/key-pair.ts';
import { createJournals, eventsDomain, type EventLog } from '../src/domains/events/index.ts';
import { metricsDomain } from '../src/domains/metrics/index.ts';
import { Health } from '../src/kernel/health.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { silentLogger } from '../src/kernel/logger.ts';

export interface EventDaemon extends AsyncDisposable {
  readonly folder: TempFolder;
  readonly journalDir: string;
  readonly health: Health;
  /** A client and the log its connection has. */
  connect(clientId: string): Promise<{ client: Client; log: EventLog; path: string }>;
  /** Ends a connection and all it left to do. */
  close(clientId: string): Promise<void>;
  signer(): JournalSigner;
}

export function serveEvents(folder: TempFolder = new TempFolder()): EventDaemon {
  const journalDir = folder.join('journals');
  const health = new Health();
  const journals = createJournals({ directory: journalDir, keyDir: folder.path, health, logger: silentLogger });
  const kernel = new Kernel({
    domains: [eventsDomain(journals), metricsDomain(journals.logOf)],
    credentials: { isAuthRequired: false, hasHostToken: false },
    logger: silentLogger,
    handlerTimeoutMs: 10_000,
    authTimeoutMs: 10_000,
    checksResults: true,
  });
  return {
    folder,
    journalDir,
    health,
    connect: async (clientId) => {
      const [near, far] = createMemoryPair();
      const log = journals.logOf(kernel.accept(far, { clientId }));
      const client = await connect({ channel: () => near, reconnect: false });
      return { client, log, path: log.path };
    },
    close: async (clientId) => void (await kernel.remove(clientId)),
    signer: () => openSigner(folder.path),
    [Symbol.asyncDispose]: async () => {
      await kernel[Symbol.asyncDispose]();
      journals[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
