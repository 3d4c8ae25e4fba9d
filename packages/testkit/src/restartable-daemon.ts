// A real daemon in this process that can be stopped and started again on its files, reached in memory or over TCP. Tokens
// change with each start, as they do in life.
import { mkdirSync, readFileSync } from 'node:fs';
import { connect, type Client } from '@car-runtime/client';
import { InMemoryAgentCredentials, mintToken, ServerState } from '@car-runtime/core';
import type { RunRecord } from '@car-runtime/protocol';
import { createMemoryPair, MemoryChannel, type Channel } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { startServer } from 'car-server';
import { TempFolder } from './temp-folder.ts';

/** Low, so that a burst is enough to make any reader a slow one. */
const softQueueBytes = 20_000;
const fast = { baseDelayMs: 1, maxDelayMs: 5 };

interface Running extends AsyncDisposable {
  readonly state: ServerState;
  readonly authToken: string;
  readonly hostToken: string;
  open(): Promise<Channel> | Channel;
}

export class RestartableDaemon implements AsyncDisposable {
  readonly #transport: 'memory' | 'tcp';
  readonly #folder = new TempFolder();
  readonly #agents = new InMemoryAgentCredentials();
  #running: Running | undefined;
  /** Near ends of the connections that `connectHost` made. */
  #hostChannels: Channel[] = [];

  private constructor(transport: 'memory' | 'tcp') {
    this.#transport = transport;
    mkdirSync(this.#folder.join('root'), { mode: 0o700 });
  }

  static async start(transport: 'memory' | 'tcp'): Promise<RestartableDaemon> {
    const daemon = new RestartableDaemon(transport);
    await daemon.start();
    return daemon;
  }

  async start(): Promise<void> {
    this.#running = this.#transport === 'memory' ? this.#startInMemory() : await this.#startListening();
    this.#running.state.installAgentCredentials(this.#agents);
    if (this.#transport === 'memory') await this.#running.state.sweepStorage();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[Symbol.asyncDispose]();
  }

  get state(): ServerState {
    if (!this.#running) throw new Error('the daemon is stopped');
    return this.#running.state;
  }

  /** A client with the host role that reconnects, to the next daemon too. */
  async connectHost(): Promise<Client> {
    const channel = async (): Promise<Channel> => {
      const made = await this.#open();
      this.#hostChannels.push(made);
      return made;
    };
    return await connect({ channel, hostToken: () => this.#running?.hostToken ?? '', reconnect: fast });
  }

  async connectAgent(agentId: string): Promise<Client> {
    return await connect({
      channel: () => this.#open(),
      agentId,
      token: this.#agents.issue(agentId),
      reconnect: false,
    });
  }

  /** Cuts every connection of a host, as a network would. */
  cutHosts(): void {
    for (const channel of this.#hostChannels.splice(0)) channel.terminate('cut by the test');
  }

  /** In memory only: hosts take nothing until they go on. */
  pauseHosts(): void {
    for (const channel of this.#hostChannels) if (channel instanceof MemoryChannel) channel.pause();
  }

  resumeHosts(): void {
    for (const channel of this.#hostChannels) if (channel instanceof MemoryChannel) channel.resume();
  }

  runFile(agentId: string, runId: string): string {
    return this.#folder.join('root', 'runs', agentId, `${runId}.jsonl`);
  }

  /** What is stored of a run. */
  recordsOf(agentId: string, runId: string): RunRecord[] {
    const lines = readFileSync(this.runFile(agentId, runId), 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as RunRecord);
  }

  async #open(): Promise<Channel> {
    if (!this.#running) throw new Error('nobody listens');
    return await this.#running.open();
  }

  #startInMemory(): Running {
    const journalDir = this.#folder.join('root', 'journals');
    const state = ServerState.withConfig({ journalDir, peer: { softQueueBytes } });
    const tokens = { authToken: mintToken(), hostToken: mintToken() };
    state.installAuthToken(tokens.authToken);
    state.installHostToken(tokens.hostToken);
    return {
      state,
      ...tokens,
      open: () => {
        const [near, far] = createMemoryPair();
        state.createSession(far);
        return near;
      },
      [Symbol.asyncDispose]: () => state[Symbol.asyncDispose](),
    };
  }

  async #startListening(): Promise<Running> {
    const stateRoot = this.#folder.join('root');
    const server = await startServer({ stateRoot, socketPath: null, port: 0, limits: { softQueueBytes } });
    return {
      state: server.state,
      authToken: server.tokens?.authToken ?? '',
      hostToken: server.tokens?.hostToken ?? '',
      open: () => openWebSocket({ url: server.ws }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder[Symbol.dispose]();
  }
}
