// Something asked of the daemon, asked again when the connection is a new one and when a view says so.
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { connection } from '../connection.ts';

export class Loaded<T> implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  readonly #everyMs: number | undefined;
  #asking = new AbortController();
  #connections = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #listening: Disposable | undefined;
  value: T | undefined;
  error: unknown;

  constructor(host: ReactiveControllerHost, ask: (signal: AbortSignal) => Promise<T>, everyMs?: number) {
    this.#host = host;
    this.#ask = ask;
    this.#everyMs = everyMs;
    host.addController(this);
  }

  hostConnected(): void {
    this.#listening = connection.listen(() => this.#onConnection());
    if (this.#everyMs !== undefined) {
      this.#timer = setInterval(() => {
        if (document.visibilityState === 'visible') void this.refresh();
      }, this.#everyMs);
    }
    void this.refresh();
  }

  hostDisconnected(): void {
    this.#asking.abort();
    this.#listening?.[Symbol.dispose]();
    clearInterval(this.#timer);
  }

  /** Asks again. An earlier question that is still open counts no more. */
  async refresh(): Promise<void> {
    const { state, connections } = connection.value;
    if (state !== 'connected') return;
    this.#connections = connections;
    this.#asking.abort();
    const asking = (this.#asking = new AbortController());
    try {
      const value = await this.#ask(asking.signal);
      if (asking.signal.aborted) return;
      this.value = value;
      this.error = undefined;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.error = error;
    }
    this.#host.requestUpdate();
  }

  #onConnection(): void {
    const { state, connections } = connection.value;
    if (state === 'connected' && connections !== this.#connections) void this.refresh();
  }
}
