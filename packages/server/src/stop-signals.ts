// What a signal does to the program: it finishes what runs and ends, whatever the signal is called.
import { constants } from 'node:os';
import type { Log } from './log/log.ts';
import type { RunningServer } from './start-server.ts';

/** Together with the time connections get to close, well below the ten seconds a stop may take. */
const drainDeadlineMs = 7_000;
const stopDeadlineMs = 9_500;

type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The first signal drains and ends with 0, a second one ends at once, as does a fault nobody caught. */
export function stopOnSignals(running: RunningServer, { logger }: Log): void {
  let isStopping = false;
  const stop = (signal: StopSignal): void => {
    if (isStopping) {
      running.removeFiles();
      process.exit(128 + constants.signals[signal]);
    }
    isStopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => {
      running.removeFiles();
      process.exit(0);
    }, stopDeadlineMs).unref();
    running.stop(drainDeadlineMs).then(
      () => {
        logger.info({}, 'stopped');
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'not stopped cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (hasTerminal()) {
    // One closed terminal may send several: the kernel to its foreground processes, the shell to its jobs.
    process.on('SIGHUP', (signal) => isStopping || stop(signal as 'SIGHUP'));
  } else process.on('SIGHUP', () => logger.info({}, 'SIGHUP changes nothing: this daemon has no terminal to lose'));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    running.removeFiles();
    process.exit(1);
  });
}

/** Under `nohup`, which asks for SIGHUP to be ignored, and as a service a daemon writes to no terminal. Node itself undoes
 *  what nohup asks for, before any program could look. */
function hasTerminal(): boolean {
  return process.stdout.isTTY || process.stderr.isTTY;
}
