// The daemon keeps one subscription for a run and a connection, so all watches of a run share it: made for the one that is
// furthest behind, told to each, given back with the last.
import type { ClientCore } from './client-core.ts';
import { RunTail, type SubscribeAnswer, type TraceEvent } from './run-tail.ts';

interface Feed {
  readonly runId: string;
  readonly tails: Set<RunTail>;
  /** Subscriptions asked for and not answered yet. */
  asking: number;
  isSubscribed: boolean;
}

export class RunFeeds {
  readonly #core: ClientCore;
  readonly #feeds = new Map<string, Feed>();

  constructor(core: ClientCore) {
    this.#core = core;
    const onEvent = (event: unknown): void => {
      const { run_id: runId } = event as TraceEvent;
      for (const tail of [...(this.#feeds.get(runId)?.tails ?? [])]) tail.take(event as TraceEvent);
    };
    core.listen('runs.trace.event', onEvent, () => this.#onLost());
  }

  /** Resolves once the tail gets what the run has behind the cursor. */
  async join(runId: string, cursor: number, signal: AbortSignal): Promise<RunTail> {
    const feed = this.#feeds.get(runId) ?? { runId, tails: new Set(), asking: 0, isSubscribed: false };
    this.#feeds.set(runId, feed);
    const tail: RunTail = new RunTail(cursor, () => {
      feed.tails.delete(tail);
      this.#release(feed);
    });
    feed.tails.add(tail);
    try {
      await unlessAborted(this.#subscribe(feed, tail), signal);
      return tail;
    } catch (error) {
      tail[Symbol.dispose]();
      throw error;
    }
  }

  /** Without the signal of whoever asked: the subscription it replaces has other readers, who need the answer. */
  async #subscribe(feed: Feed, asker: RunTail): Promise<void> {
    feed.asking++;
    try {
      const after = Math.min(...[...feed.tails].map(({ cursor }) => cursor));
      const params = { run_id: feed.runId, after };
      const answer = (await this.#core.call('runs.subscribe', params, {
        whenDisconnected: 'reject',
        timeoutMs: Infinity,
      })) as SubscribeAnswer;
      if (this.#core.info.state !== 'connected') return asker[Symbol.dispose](); // answered and cut in one read
      feed.isSubscribed = true;
      for (const tail of [...feed.tails]) {
        if (tail === asker) tail.open(answer);
        else if (tail.isLive) tail.takeAnswer(answer);
      }
    } finally {
      feed.asking--;
      this.#release(feed);
    }
  }

  #release(feed: Feed): void {
    if (feed.tails.size > 0 || feed.asking > 0 || this.#feeds.get(feed.runId) !== feed) return;
    this.#feeds.delete(feed.runId);
    if (!feed.isSubscribed) return;
    const options = { whenDisconnected: 'reject', timeoutMs: Infinity } as const;
    this.#core.call('runs.unsubscribe', { run_id: feed.runId }, options).catch(() => {
      // The subscription ends with its connection at the latest.
    });
  }

  /** The subscriptions went with the connection. Those that wait for an answer are told by it. */
  #onLost(): void {
    for (const feed of [...this.#feeds.values()]) {
      feed.isSubscribed = false;
      for (const tail of [...feed.tails]) if (tail.isLive) tail[Symbol.dispose]();
    }
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
