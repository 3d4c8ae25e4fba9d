import { join } from 'node:path';
import { OpenHandles } from '../../infra/append-file.ts';
import { openSigner, type JournalSigner } from '../../journal/key-pair.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { EventLog } from './event-log.ts';
import { MemoryBudget } from './memory-budget.ts';

/** Events that all logs together keep in memory. */
const maxMemoryBytes = 256 * 1024 * 1024;

export interface Journals extends Disposable {
  /** The connection's own log; its file is made at the first event. */
  logOf(connection: Connection): EventLog;
}

export interface JournalsOptions {
  /** Folder of the journals, named by client id. */
  directory: string;
  /** Folder of the key pair that signs checkpoints; made when the first chain is enabled. */
  keyDir: string;
  health: Health;
  logger: Logger;
}

/** The disk's refusals degrade the daemon instead of failing calls. */
export function createJournals({ directory, keyDir, health, logger }: JournalsOptions): Journals {
  const handles = new OpenHandles();
  const budget = new MemoryBudget(maxMemoryBytes);
  const signer = createSigner(keyDir, health, logger);
  const logOf = perConnection((connection) => {
    const client_id = connection.id;
    return new EventLog({
      path: join(directory, `${client_id}.jsonl`),
      handles,
      budget,
      signer,
      onProblem: (error) => {
        health.degrade('journals', error.message);
        logger.error({ err: error, client_id }, 'journal not written');
      },
      onRecovered: (droppedLines) => {
        health.recover('journals');
        if (droppedLines > 0) logger.error({ client_id, dropped: droppedLines }, 'journal lost events');
      },
      onCompactionFailed: (error) => logger.warn({ err: error, client_id }, 'journal not shortened'),
    });
  });
  return { logOf, [Symbol.dispose]: () => handles[Symbol.dispose]() };
}

/** Opens the key when it is first needed. Without one, chains go on unsigned, and the daemon says that it is degraded. */
function createSigner(keyDir: string, health: Health, logger: Logger): () => JournalSigner | undefined {
  let signer: JournalSigner | undefined;
  return () => {
    if (signer) return signer;
    try {
      signer = openSigner(keyDir);
      health.recover('journal key');
    } catch (error) {
      health.degrade('journal key', (error as Error).message);
      logger.error({ err: error }, 'journal checkpoints not signed');
    }
    return signer;
  };
}
