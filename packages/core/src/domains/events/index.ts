import { join } from 'node:path';
import { AppendFile, OpenHandles } from '../../infra/append-file.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { EventLog } from './event-log.ts';

export { EventLog, type EventFields } from './event-log.ts';
export { defaultJournalRetention, pruneJournals, type JournalRetention } from './prune-journals.ts';

export interface Journals extends Disposable {
  /** The connection's own log; its file is made at the first event. */
  logOf(connection: Connection): EventLog;
}

/** Journals in `directory`, named by client id. The disk's refusals degrade the daemon instead of failing calls. */
export function createJournals(directory: string, health: Health, logger: Logger): Journals {
  const handles = new OpenHandles();
  const logOf = perConnection(
    (connection) =>
      new EventLog(
        new AppendFile({
          path: join(directory, `${connection.id}.jsonl`),
          handles,
          onProblem: (error) => {
            health.degrade('journals', error.message);
            logger.error({ err: error, client_id: connection.id }, 'journal not written');
          },
          onRecovered: () => health.recover('journals'),
        }),
      ),
  );
  return { logOf, [Symbol.dispose]: () => handles[Symbol.dispose]() };
}
