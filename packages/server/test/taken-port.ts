import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

export interface TakenPort extends AsyncDisposable {
  port: number;
}

/** A port that somebody listens on, while the one below it was free a moment ago. */
export async function takePort(): Promise<TakenPort> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const below = await listen(port - 1);
    const server = await listen(port);
    await below?.[Symbol.asyncDispose]();
    if (below && server) return { port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
    await server?.[Symbol.asyncDispose]();
  }
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}
