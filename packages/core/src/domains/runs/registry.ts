// The runs of this daemon's lifetime.
//
// What the contract calls holding the lock of the runs is here one synchronous block: nothing else of the daemon runs
// between its first line and its last. Each method that changes a run is such a block and names the invariants it keeps.
// Nothing in this file waits, stores or touches a socket.
import type { RunEnded } from '@car-runtime/protocol';
import { SharedFrame } from '@car-runtime/rpc';
import { encodeEnded, encodeTurn } from './records.ts';
import type { Run } from './run.ts';
import type { Subscriber } from '../../kernel/feed-subscriber.ts';

/** Turns of one run (Run tracing, I-7). */
export const maxTurnsPerRun = 2_000;

/** Records that are handed to subscribers together. */
const maxBurstChars = 64 * 1024;

interface Burst {
  frame: SharedFrame;
  /** Of its last event. */
  lastCursor: number;
}

export type AppendRefusal = 'run_terminal' | 'run_turn_limit';

export class RunRegistry {
  readonly #maxEndedHeaders: number;
  readonly #runs = new Map<string, Run>();
  /** Runs in progress by the client id of who opened them. */
  readonly #openByClient = new Map<string, Set<Run>>();
  /** Ended runs whose header is in memory, oldest end first. */
  readonly #ended = new Set<string>();
  #hasForgotten = false;

  constructor(maxEndedHeaders: number) {
    this.#maxEndedHeaders = maxEndedHeaders;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Whether headers have left memory, so that an unknown run may be one of this lifetime. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  get(runId: string): Run | undefined {
    return this.#runs.get(runId);
  }

  /** Runs in progress that a client opened. */
  openRunsOf(clientId: string): readonly Run[] {
    return [...(this.#openByClient.get(clientId) ?? [])];
  }

  openCountOf(clientId: string): number {
    return this.#openByClient.get(clientId)?.size ?? 0;
  }

  /** I-1: entered and announced in one block; an equal id is overwritten, the latest wins. */
  open(run: Run): void {
    this.#runs.set(run.runId, run);
    const open = this.#openByClient.get(run.clientId);
    if (open) open.add(run);
    else this.#openByClient.set(run.clientId, new Set([run]));
    announce(run, [run.startedLine], 0);
  }

  /** I-7: the batch goes in as a whole or not at all. I-6: a turn's index is its place in the run, which no other batch can
   *  take meanwhile. I-4: its cursor is the number of turns with this one. I-8: into the buffer, then to the subscribers; the
   *  caller stores exactly what went in. I-13: an ended run takes nothing. */
  append(run: Run, bodies: readonly string[]): { lines: string[]; base: number } | AppendRefusal {
    if (run.isEnded) return 'run_terminal';
    const base = run.turnCount;
    if (base + bodies.length > maxTurnsPerRun) return 'run_turn_limit';
    const lines = bodies.map((body, offset) => encodeTurn(base + offset, body));
    for (const line of lines) run.turns.push(line);
    run.turnCount += lines.length;
    announce(run, lines, base + 1);
    return { lines, base };
  }

  /** I-5: tested, set and announced at once, so that a run ends once, and behind its last turn. I-4: the end does not advance
   *  the cursor. Returns the encoded record, or `undefined` when the run had ended before. */
  end(run: Run, termination: RunEnded['termination'], endedAt: string): string | undefined {
    if (run.isEnded) return undefined;
    run.termination = { kind: termination.kind };
    const open = this.#openByClient.get(run.clientId);
    if (open?.delete(run) && open.size === 0) this.#openByClient.delete(run.clientId);
    run.endedLine = encodeEnded({ run_id: run.runId, agent_id: run.agentId, termination, ended_at: endedAt });
    announce(run, [run.endedLine], run.turnCount);
    return run.endedLine;
  }

  /** I-1: what is copied here and what is pushed from here on are all the turns of the run, each once. */
  subscribe(run: Run, clientId: string, subscriber: Subscriber): readonly string[] {
    run.subscribers.set(clientId, subscriber);
    return [...run.turns];
  }

  /** I-11: the records of an ended run leave memory, its header stays until there are too many. A run in progress is never
   *  touched. */
  evict(run: Run): void {
    if (!run.isEnded) return;
    run.forgetRecords();
    this.#ended.add(run.runId);
    if (this.#ended.size <= this.#maxEndedHeaders) return;
    const [oldest] = this.#ended;
    if (oldest === undefined) return;
    this.#ended.delete(oldest);
    this.#runs.delete(oldest);
    this.#hasForgotten = true;
  }
}

/** I-2: one push for each subscriber, none of which waits. The events are encoded once for all of them. */
function announce(run: Run, lines: readonly string[], firstCursor: number): void {
  if (run.subscribers.size === 0) return;
  for (const { frame, lastCursor } of toBursts(run, lines, firstCursor)) {
    for (const subscriber of run.subscribers.values()) subscriber.push(frame, lastCursor);
  }
}

/** The events of several records are handed on as one, as long as that is no larger than a single record may be. */
function* toBursts(run: Run, lines: readonly string[], firstCursor: number): Generator<Burst> {
  let events: SharedFrame[] = [];
  let chars = 0;
  let cursor = firstCursor - 1;
  for (const line of lines) {
    if (events.length > 0 && chars + line.length > maxBurstChars) {
      yield toBurst(events, cursor);
      events = [];
      chars = 0;
    }
    cursor++;
    events.push(run.toEvent(line, cursor));
    chars += line.length;
  }
  if (events.length > 0) yield toBurst(events, cursor);
}

function toBurst(events: readonly SharedFrame[], lastCursor: number): Burst {
  const [first] = events;
  return { frame: first && events.length === 1 ? first : SharedFrame.burst(events), lastCursor };
}
