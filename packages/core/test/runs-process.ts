// A daemon's process as a test holds it, and connections to it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Peer } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import type { TraceEvent } from './runs-watcher.ts';

interface Ready {
  port: number;
  hostToken: string;
  agentToken: string;
  runsAdopted: number;
}

export interface Memory {
  rssBytes: number;
  heapBytes: number;
}

export class RunsProcess implements AsyncDisposable {
  readonly ready: Ready;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  static async start(folder: string, durability: 'buffered' | 'fsync' = 'buffered'): Promise<RunsProcess> {
    const child = fork(join(import.meta.dirname, 'runs-daemon.ts'), [folder, durability], {
      execArgv: ['--expose-gc'],
    });
    const [ready] = (await once(child, 'message')) as [Ready];
    return new RunsProcess(child, ready);
  }

  /** A connection that has authenticated; `worker` is the agent. */
  async connect(as: 'host' | 'worker', onEvent: (event: TraceEvent) => void = () => undefined): Promise<Peer> {
    const peer = new Peer(await openWebSocket({ url: `ws://127.0.0.1:${this.ready.port}` }), {
      onRequest: (call) => call.resolve(null),
      onNotification: (_method, params) => onEvent(params as TraceEvent),
    });
    peer.start();
    const { hostToken, agentToken } = this.ready;
    await peer.request(
      'session.auth',
      as === 'host' ? { host_token: hostToken } : { token: agentToken, agent_id: 'worker' },
    );
    return peer;
  }

  /** Once everything that nobody holds was given back. */
  async memory(): Promise<Memory> {
    this.#child.send('memory');
    const [memory] = (await once(this.#child, 'message')) as [Memory];
    return memory;
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
  }
}
