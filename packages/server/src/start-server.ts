// Puts the daemon together: role, credentials, ServerState, listeners. All listeners come up or none does.
import { mintToken, type ServerState } from '@car-runtime/core';
import { claimDaemonRole } from './daemon-role.ts';
import { createState, ensureStateRoot, openAgents, sweep } from './daemon-state.ts';
import {
  bind,
  createListeners,
  stopListeners,
  surviveAcceptErrors,
  type Addresses,
  type Listeners,
} from './listeners.ts';
import { startLoopDelay } from './loop-delay.ts';
import { RefusalCounts } from './refusal-counts.ts';
import { toSettings, type ServerOptions, type Settings } from './server-settings.ts';
import { TokenFiles, type Tokens } from './token-files.ts';

export interface RunningServer extends AsyncDisposable {
  /** `ws://host:port` */
  readonly ws: string;
  /** `http://host:port` */
  readonly http: string;
  readonly port: number;
  /** Path of the Unix socket, `null` when there is none. */
  readonly socket: string | null;
  readonly stateRoot: string;
  /** Whether the token files and the shared socket are this daemon's. */
  readonly isPrimary: boolean;
  readonly state: ServerState;
  /** What this process installed; nothing when authentication is off. Never to be logged or sent. */
  readonly tokens: Tokens | undefined;
  /** Stops accepting, lets running calls finish until the deadline, closes every connection with 1001, and removes what
   *  this daemon put into the state root. Repeated calls share the first one's outcome. */
  stop(deadlineMs?: number): Promise<void>;
  /** Removes the token files at once, for a program about to end without `stop`. */
  removeFiles(): void;
}

const defaultStopDeadlineMs = 5_000;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = toSettings(options);
  await using opened = new AsyncDisposableStack();
  opened.use(settings.spanExporter);
  ensureStateRoot(settings.stateRoot, settings.logger);
  const role = await claimDaemonRole(settings.stateRoot, settings.socketPath);
  if (role.isPrimary) opened.use(role.lock);

  const tokens = settings.isAuthRequired
    ? { authToken: settings.authToken ?? mintToken(), hostToken: mintToken() }
    : undefined;
  const loopDelay = opened.use(startLoopDelay());
  const state = opened.use(
    createState(settings, {
      tokens,
      loopDelay,
      isPrimary: role.isPrimary,
      consoleTicket: () => listeners.console.mintTicket(),
    }),
  );
  const refusals = new RefusalCounts(settings.logger);
  const listeners = createListeners(settings, state, { tokens, loopDelay, refusals });
  opened.defer(() => stopListeners(listeners));
  const addresses = await bind(listeners, settings, role.isPrimary);
  surviveAcceptErrors(listeners, refusals);
  // From the last listener's start to here nothing waits, so no client is let in that could find an old token.
  const files = role.isPrimary && tokens ? opened.use(TokenFiles.write(settings.tokenFolder, tokens)) : undefined;
  if (!role.isPrimary) {
    settings.logger.warn(
      { reason: role.reason, socket: addresses.socket, token_files: false },
      'secondary daemon of this state root: it writes no token files and has a socket of its own',
    );
  }
  sweep(state, settings.logger, role.isPrimary);
  openAgents(state, settings.logger, addresses.ws);
  return new Daemon(opened.move(), {
    ...addresses,
    settings,
    state,
    tokens,
    files,
    listeners,
    isPrimary: role.isPrimary,
  });
}

interface DaemonParts extends Addresses {
  settings: Settings;
  state: ServerState;
  tokens: Tokens | undefined;
  files: TokenFiles | undefined;
  listeners: Listeners;
  isPrimary: boolean;
}

class Daemon implements RunningServer {
  readonly ws: string;
  readonly http: string;
  readonly port: number;
  readonly socket: string | null;
  readonly stateRoot: string;
  readonly isPrimary: boolean;
  readonly state: ServerState;
  readonly tokens: Tokens | undefined;
  readonly #opened: AsyncDisposableStack;
  readonly #listeners: Listeners;
  readonly #files: TokenFiles | undefined;
  #stopped: Promise<void> | undefined;

  constructor(opened: AsyncDisposableStack, parts: DaemonParts) {
    this.#opened = opened;
    this.#listeners = parts.listeners;
    this.#files = parts.files;
    this.ws = parts.ws;
    this.http = parts.http;
    this.port = parts.port;
    this.socket = parts.socket;
    this.stateRoot = parts.settings.stateRoot;
    this.isPrimary = parts.isPrimary;
    this.state = parts.state;
    this.tokens = parts.tokens;
  }

  stop(deadlineMs = defaultStopDeadlineMs): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    // The HTTP listener answers until the end, so that /readyz can say "draining".
    this.#listeners.tcp.stop();
    this.#listeners.unix?.stop();
    await this.state.drain(deadlineMs);
    await this.#opened.disposeAsync();
  }

  removeFiles(): void {
    this.#files?.[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
  }
}
