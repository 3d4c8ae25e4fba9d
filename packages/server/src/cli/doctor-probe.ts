// What the checks of `car doctor` look at, asked once however many of them want to know.
import { connect as connectSocket } from 'node:net';
import { connect, type MethodResult } from '@car-runtime/client';
import type { CliContext } from './context.ts';

export type Status = MethodResult<'server.status'>;

/** What became of asking the daemon. */
export type DaemonAnswer =
  | { status: Status; endpoint: string; failure?: undefined }
  | { status?: undefined; failure: Error };

const portTimeoutMs = 1_000;
const answerTimeoutMs = 5_000;

export class DoctorProbe implements AsyncDisposable {
  readonly context: CliContext;
  #daemon: Promise<DaemonAnswer> | undefined;

  constructor(context: CliContext) {
    this.context = context;
  }

  daemon(): Promise<DaemonAnswer> {
    this.#daemon ??= this.#ask();
    return this.#daemon;
  }

  async #ask(): Promise<DaemonAnswer> {
    try {
      await using client = await this.context.connect();
      return {
        status: await client.server.status({}, { timeoutMs: answerTimeoutMs }),
        endpoint: client.connection.endpoint,
      };
    } catch (error) {
      return { failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  /** Process id of the daemon on a port, after it proved itself; `undefined` when it did not. */
  async pidBehind(port: number): Promise<number | undefined> {
    try {
      const { tokenFile } = this.context.globals;
      const url = `ws://127.0.0.1:${port}`;
      await using client = await connect({
        url,
        role: 'client',
        reconnect: false,
        connectTimeoutMs: answerTimeoutMs,
        ...(tokenFile !== undefined && { tokenFile }),
      });
      return (await client.server.status({}, { timeoutMs: answerTimeoutMs })).pid;
    } catch {
      return undefined; // not our daemon, whatever else it is
    }
  }

  /** Whether something accepts connections on a port of this machine. */
  isPortTaken(port: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connectSocket({ host: '127.0.0.1', port });
    const settle = (isTaken: boolean): void => {
      socket.destroy();
      resolve(isTaken);
    };
    socket.setTimeout(portTimeoutMs, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon;
  }
}
