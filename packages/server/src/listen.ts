import type { ListenOptions as NodeListenOptions, Server } from 'node:net';

export interface ListenOptions {
  backlog?: number;
}

/** Resolves once the server accepts connections. */
export function listen(server: Server, options: NodeListenOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}
