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
  const refusals = new Refusals(health);
  const logOf = perConnection((connection) => {
    const client_id = connection.id;
    // Disposed behind the log itself, which was written as far as the disk let it.
    connection.scope.defer(() => {
      if (refusals.end(client_id)) logger.error({ client_id }, 'journal closed without its last events');
    });
    return new EventLog({
      path: join(directory, `${client_id}.jsonl`),
      handles,
      budget,
      signer,
      onProblem: (error) => {
        // Once: a full disk refuses every turn, and the daemon's log may be on it.
        if (refusals.begin(client_id, error)) logger.error({ err: error, client_id }, 'journal not written');
      },
      onWritten: () => refusals.onWritten(),
      onRecovered: (droppedLines) => {
        refusals.end(client_id);
        if (droppedLines > 0) logger.error({ client_id, dropped: droppedLines }, 'journal lost events');
      },
      onCompactionFailed: (error) => logger.warn({ err: error, client_id }, 'journal not shortened'),
    });
  });
  return { logOf, [Symbol.dispose]: () => handles[Symbol.dispose]() };
}

/** Which sessions' journals the disk refuses. The daemon is degraded from the first refusal until none is left and
 *  something was written: a session that ends takes its own refusal with it, not the disk's. */
class Refusals {
  readonly #health: Health;
  readonly #refused = new Set<string>();
  #isDegraded = false;

  constructor(health: Health) {
    this.#health = health;
  }

  /** Returns whether it is the session's first. */
  begin(clientId: string, { message }: Error): boolean {
    this.#isDegraded = true;
    this.#health.degrade('journals', message);
    if (this.#refused.has(clientId)) return false;
    this.#refused.add(clientId);
    return true;
  }

  /** Returns whether the session was refused. */
  end(clientId: string): boolean {
    return this.#refused.delete(clientId);
  }

  onWritten(): void {
    if (!this.#isDegraded || this.#refused.size > 0) return;
    this.#isDegraded = false;
    this.#health.recover('journals');
  }
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
