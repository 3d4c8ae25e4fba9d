// The daemon's Unix socket: made with mode 0600, never taken from a daemon that answers on it.
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { StartError } from './errors.ts';
import { listen, type ListenOptions } from './listen.ts';

/** What fits into `sockaddr_un.sun_path` with its terminating zero. */
const maxPathBytes = process.platform === 'darwin' ? 103 : 107;
const probeTimeoutMs = 1_000;

export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= maxPathBytes) return;
  throw new StartError(
    `Cannot use socket path ${path}: ${length} bytes, and the system allows ${maxPathBytes}; set CAR_SERVER_SOCKET or CAR_HOME to a shorter path`,
  );
}

/** Whether somebody listens on the socket. Anything but a plain "nobody there" counts as yes. */
export function isAnswering(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  const timer = setTimeout(() => settle(true), probeTimeoutMs);
  const settle = (isAlive: boolean): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(isAlive);
  };
  socket.once('connect', () => settle(true));
  socket.once('error', ({ code }: NodeJS.ErrnoException) => settle(code !== 'ENOENT' && code !== 'ECONNREFUSED'));
  return promise;
}

/** Binds the socket. A file that a dead daemon left is removed first, and only after asking whether it is dead. */
export async function listenOnSocket(server: Server, path: string, options: ListenOptions): Promise<void> {
  checkSocketPath(path);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await listenPrivately(server, path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw StartError.of(`listen on ${path}`, error);
    await removeStale(path);
    await listenPrivately(server, path, options).catch((again: unknown) => {
      throw StartError.of(`listen on ${path}`, again);
    });
  }
}

async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket())
    throw new StartError(`Cannot listen on ${path}: a file that is not a socket is in the way`);
  if (await isAnswering(path)) throw new StartError(`Cannot listen on ${path}: another process answers on it`);
  unlinkSync(path);
}

/** `bind` makes the file while `listen` runs, with the mode that the mask leaves. */
function listenPrivately(server: Server, path: string, options: ListenOptions): Promise<void> {
  const mask = process.umask(0o177);
  try {
    return listen(server, { path, ...options });
  } finally {
    process.umask(mask);
  }
}
