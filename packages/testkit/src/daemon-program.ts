// What `DaemonProcess` runs: a daemon that tells how it is when it is asked.
import { startServer } from 'car-server';

const unhandled: string[] = [];
const report = (error: unknown): void =>
  void unhandled.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
process.on('unhandledRejection', report);
process.on('uncaughtException', report);

const [, , stateRoot = ''] = process.argv;
const problems = {
  error: (fields: object, message: string) =>
    unhandled.push(`${message}: ${String((fields as { err?: Error }).err?.stack)}`),
};
const nothing = (): void => undefined;
const server = await startServer({
  stateRoot,
  port: 0,
  socketPath: null,
  logger: { debug: nothing, info: nothing, warn: nothing, ...problems },
  // One address makes all connections here, many of them without a word.
  limits: { maxUnauthenticated: 10_000, maxUnauthenticatedPerAddress: 10_000 },
});

process.on('message', () => {
  // The kind that gives memory back to the system.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  process.send?.({ rssBytes, heapBytes, sessions: server.state.sessions.size, unhandled });
});
process.on('disconnect', () => void server.stop(0).then(() => process.exit(0)));
process.send?.({ port: server.port, token: server.tokens?.authToken });
