// Who follows which run, and what a subscriber is told at first.
import { fail, type RunEnded, type RunLiveStatus, type RunTurn } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import { checkMayRead } from './access.ts';
import type { ConnectionRuns } from './connection-runs.ts';
import { isTurn } from './records.ts';
import type { RunRegistry } from './registry.ts';
import type { Run } from './run.ts';
import { unknownRun } from './service.ts';
import type { RunRef, RunStore } from './store/run-store.ts';
import { Subscriber, type EventSink } from '../../kernel/feed-subscriber.ts';

/** Of one connection. */
const maxSubscriptions = 10_000;

export interface Snapshot {
  agentId: string;
  turns: RunTurn[];
  cursor: number;
  status: RunLiveStatus;
  /** Only for a subscriber that said how far it had come. */
  delivery?: 'replayed' | 'snapshot' | 'reset';
  ended?: RunEnded;
}

export interface RunSubscriptionsOptions {
  registry: RunRegistry;
  store: RunStore;
  logger: Logger;
  runsOf: (connection: Connection) => ConnectionRuns;
  /** Ends when stored runs without an end have been given one. */
  whenSwept: () => Promise<unknown>;
}

export class RunSubscriptions {
  readonly #options: RunSubscriptionsOptions;

  constructor(options: RunSubscriptionsOptions) {
    this.#options = options;
  }

  /** The turns so far, or those behind `after`; events follow. */
  subscribe(connection: Connection, runId: string, after: number | undefined): Snapshot | Promise<Snapshot> {
    const { registry, runsOf } = this.#options;
    const { subscriptions } = runsOf(connection);
    if (subscriptions.size >= maxSubscriptions && !subscriptions.has(runId)) {
      throw fail('overloaded', `Cannot subscribe: this connection has ${maxSubscriptions} subscriptions, the limit`);
    }
    const run = registry.get(runId);
    if (!run) return this.#subscribeStored(connection, runId, after);
    checkMayRead(connection, run.agentId, `run ${JSON.stringify(runId)}`);
    const subscriber = this.#enter(connection, run, after);
    const lines = registry.subscribe(run, connection.id, subscriber);
    const { status, endedLine } = run;
    if (run.isEnded && (lines.length === 0 || after !== undefined)) {
      return this.#snapshotOfEnded(run, lines, endedLine, after);
    }
    subscriber.open(lines.length);
    return toSnapshot(run.agentId, lines.map(parseTurn), status, after);
  }

  unsubscribe(connection: Connection, runId: string): boolean {
    const { registry, runsOf } = this.#options;
    const { subscriptions } = runsOf(connection);
    const subscriber = subscriptions.get(runId);
    if (!subscriber) return false;
    subscriptions.delete(runId);
    registry.get(runId)?.subscribers.delete(connection.id);
    subscriber[Symbol.dispose]();
    return true;
  }

  /** I-15: only the subscriptions end; the runs do not notice. */
  unsubscribeAll(connection: Connection): void {
    for (const runId of [...this.#options.runsOf(connection).subscriptions.keys()]) this.unsubscribe(connection, runId);
  }

  /** A repeated subscription takes the place of the one before, whose drain ends. */
  #enter(connection: Connection, run: Run | RunRef, after: number | undefined): Subscriber {
    const { logger, runsOf } = this.#options;
    const subscriber = new Subscriber({
      sink: toSink(connection, () => 'subscribers' in run && run.subscribers.size > 1),
      encodeGap: after === undefined || !('toGapEvent' in run) ? undefined : (gap) => run.toGapEvent(gap),
      onDrop: (cursor) => logger.debug({ run_id: run.runId, client_id: connection.id, cursor }, 'run event dropped'),
    });
    const { subscriptions } = runsOf(connection);
    subscriptions.get(run.runId)?.[Symbol.dispose]();
    subscriptions.set(run.runId, subscriber);
    return subscriber;
  }

  /** I-12: what left memory comes from the store; what the store cannot give is left out. */
  async #snapshotOfEnded(
    run: Run,
    lines: readonly string[],
    endedLine: string | undefined,
    after: number | undefined,
  ): Promise<Snapshot> {
    const { agentId, status } = run;
    if (endedLine !== undefined) {
      return toSnapshot(agentId, lines.map(parseTurn), status, after, JSON.parse(endedLine) as RunEnded);
    }
    const stored = await this.#options.store.read(run.runId);
    const records = stored?.records ?? [];
    return toSnapshot(agentId, records.filter(isTurn), status, after, records.find(isEnded));
  }

  /** A run of an earlier lifetime, or one whose header left memory. Nothing will ever be said of it. */
  async #subscribeStored(connection: Connection, runId: string, after: number | undefined): Promise<Snapshot> {
    await this.#options.whenSwept();
    const stored = await this.#options.store.read(runId);
    if (!stored) throw unknownRun(runId);
    checkMayRead(connection, stored.agentId, `run ${JSON.stringify(runId)}`);
    if (connection.isClosed) throw fail('failed', 'Cannot subscribe: connection closed');
    this.#enter(connection, stored, after);
    const { agentId, records, status } = stored;
    return toSnapshot(agentId, records.filter(isTurn), status, after, records.find(isEnded));
  }
}

function toSink({ peer }: Connection, isShared: () => boolean): EventSink {
  return {
    get isReaderSlow() {
      return peer.isReaderSlow;
    },
    send: (frame) => {
      if (isShared()) peer.sendShared(frame);
      // Bytes of its own pay off only where several have use for them; text is encoded with what else the connection sends.
      else for (const { text } of frame.messages) peer.channel.send(text ?? '');
    },
  };
}

function toSnapshot(
  agentId: string,
  turns: RunTurn[],
  status: RunLiveStatus,
  after: number | undefined,
  ended?: RunEnded,
): Snapshot {
  const cursor = turns.length;
  if (after === undefined) return { agentId, turns, cursor, status };
  const end = ended === undefined ? {} : { ended };
  if (after > cursor) return { agentId, turns, cursor, status, delivery: 'reset', ...end };
  if (after === 0) return { agentId, turns, cursor, status, delivery: 'snapshot', ...end };
  return { agentId, turns: turns.slice(after), cursor, status, delivery: 'replayed', ...end };
}

function parseTurn(line: string): RunTurn {
  return JSON.parse(line) as RunTurn;
}

function isEnded(record: { record: string }): record is RunEnded {
  return record.record === 'ended';
}
