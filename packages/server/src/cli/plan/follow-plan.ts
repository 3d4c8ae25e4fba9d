// What happens to a plan while it runs, from the session's own events.
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@car-runtime/client';
import type { JournalEvent } from '@car-runtime/protocol';

const kinds = [
  'action_executing',
  'action_retrying',
  'action_succeeded',
  'action_deduplicated',
  'action_failed',
  'action_rejected',
  'action_skipped',
];
const pollMs = 150;
/** The daemon looks through its whole log at each question: ask so that it spends a twentieth of its time on us at most. */
const restPerAnswer = 20;
const maxPollMs = 3_000;

/** Hands on each event once, in order, until disposed. Best effort: the result of the plan has the last word. */
export function startFollowing(
  client: Client,
  proposalId: string,
  onEvents: (events: readonly JournalEvent[]) => void,
): Disposable {
  const stop = new AbortController();
  void follow(client, proposalId, onEvents, stop.signal).catch(() => {
    // Disposed, or the connection is gone: whoever waits for the result is told.
  });
  return { [Symbol.dispose]: () => stop.abort() };
}

async function follow(
  client: Client,
  proposal_id: string,
  onEvents: (events: readonly JournalEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const cursor = new EventCursor();
  let pauseMs = pollMs / 2;
  for (;;) {
    await wait(pauseMs, undefined, { signal });
    const askedAt = performance.now();
    const { events } = await client.events.query({ kinds, proposal_id, ...cursor.since });
    if (signal.aborted) return;
    const news = cursor.take(events);
    if (news.length > 0) onEvents(news);
    pauseMs = Math.min(maxPollMs, Math.max(pollMs, restPerAnswer * (performance.now() - askedAt)));
  }
}

/** Events are timed in whole milliseconds and `since` includes its own: those of the last one come again and are left
 *  out by their number, which works because the log only grows. */
export class EventCursor {
  #timestamp: string | undefined;
  #seenThen = 0;

  get since(): { since?: string } {
    return this.#timestamp === undefined ? {} : { since: this.#timestamp };
  }

  /** Takes an answer, newest first; returns what is new, oldest first. */
  take(newestFirst: readonly JournalEvent[]): JournalEvent[] {
    const events = newestFirst.toReversed();
    const again = Math.min(this.#seenThen, events.filter(({ timestamp }) => timestamp === this.#timestamp).length);
    const news = events.slice(again);
    const last = news.at(-1);
    if (!last) return [];
    this.#timestamp = last.timestamp;
    this.#seenThen = events.filter(({ timestamp }) => timestamp === last.timestamp).length;
    return news;
  }
}
