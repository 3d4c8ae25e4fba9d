// A daemon in a process of its own, for tests that measure or maltreat it.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openWebSocket } from '@car-runtime/rpc/node';
import type { RawAddress } from './raw-socket.ts';
import { TempFolder } from './temp-folder.ts';
import { Wire } from './wire.ts';

interface Ready {
  port: number;
  token: string;
}

/** What the daemon's process has to say of itself. */
export interface DaemonHealth {
  rssBytes: number;
  heapBytes: number;
  sessions: number;
  unhandled: string[];
}

export class DaemonProcess implements AsyncDisposable {
  readonly address: RawAddress;
  readonly token: string;
  readonly #child: ChildProcess;
  readonly #folder: TempFolder | undefined;

  private constructor(child: ChildProcess, folder: TempFolder | undefined, { port, token }: Ready) {
    this.#child = child;
    this.#folder = folder;
    this.address = { port };
    this.token = token;
  }

  /** On a state root of its own, unless one is given. */
  static async start(stateRoot?: string): Promise<DaemonProcess> {
    const folder = stateRoot === undefined ? new TempFolder() : undefined;
    const script = new URL('./daemon-program.ts', import.meta.url);
    const child = fork(script, [stateRoot ?? (folder as TempFolder).join('root')], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [ready] = (await once(child, 'message')) as [Ready];
    return new DaemonProcess(child, folder, ready);
  }

  async health(): Promise<DaemonHealth> {
    assert.equal(this.#child.exitCode, null, 'the daemon is alive');
    this.#child.send('health');
    const [health] = (await once(this.#child, 'message')) as [DaemonHealth];
    return health;
  }

  /** A client as it should be. */
  async connect(more: object = {}): Promise<Wire> {
    const wire = new Wire(
      await openWebSocket({ url: `ws://127.0.0.1:${'port' in this.address ? this.address.port : 0}` }),
    );
    await wire.result('session.auth', { token: this.token, ...more });
    return wire;
  }

  /** Without a chance to do anything. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) {
      this.#child.disconnect();
      await once(this.#child, 'exit');
    }
    this.#folder?.[Symbol.dispose]();
  }
}
