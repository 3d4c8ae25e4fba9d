// car-server as a program: flags, the ready line, signals, exit status.
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError, StartError } from './errors.ts';
import { startServer, type RunningServer } from './start-server.ts';
import { socketPath, stateRoot, tokenFolder } from './state-root.ts';

const drainDeadlineMs = 7_000;

export async function runProgram(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { port: { type: 'string' }, 'ready-json': { type: 'boolean' }, 'no-auth': { type: 'boolean' }, host: { type: 'string' } },
  });
  try {
    const running = await startServer({
      stateRoot: stateRoot(),
      socketPath: socketPath(),
      tokenFolder: tokenFolder(),
      port: Number(values.port ?? 9100),
      host: values.host ?? '127.0.0.1',
      isAuthRequired: !values['no-auth'],
    });
    stopOnSignals(running);
    announce(running, values['ready-json'] ?? false);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
    console.error(`car-server: ${error.message}`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
}

function announce({ ws, http, socket, stateRoot: root }: RunningServer, asJson: boolean): void {
  const { pid } = process;
  console.log(
    asJson
      ? JSON.stringify({ ready: true, ws, http, socket, mcp: null, pid, state_root: root })
      : `car-server ready ws=${ws} http=${http} socket=${socket ?? 'none'} state_root=${root} pid=${pid}`,
  );
}

function stopOnSignals(running: RunningServer): void {
  let isStopping = false;
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (isStopping) {
      running.removeFiles();
      process.exit(128 + constants.signals[signal]);
    }
    isStopping = true;
    void running.stop(drainDeadlineMs).then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
