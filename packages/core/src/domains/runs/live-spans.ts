// Runs as spans while they happen: each tool turn once it is recorded, the run itself once it has ended. The same spans that an
// export of the stored run has.
import type { RunEnded, RunStarted, RunTurn } from '@car-runtime/protocol';
import { toRunSpan, toToolSpan, type Span } from './otlp.ts';
import type { Run } from './run.ts';

/** Where spans go that have ended. */
export interface SpanSink {
  /** Whether prompts, parameters, outputs and words of agents are wanted, too. */
  readonly hasContent: boolean;
  /** Must neither wait nor throw: the caller is about to answer an agent. */
  add(span: Span): void;
}

export class LiveSpans {
  readonly #sink: SpanSink;
  /** When the newest turn of a run was recorded. */
  readonly #lastTurnAt = new WeakMap<Run, string>();

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  /** Encoded turns that were just appended. */
  addTurns(run: Run, lines: readonly string[]): void {
    let from = this.#lastTurnAt.get(run) ?? run.startedAt;
    for (const line of lines) {
      const turn = JSON.parse(line) as RunTurn;
      const span = toToolSpan(run, turn, from, this.#sink.hasContent);
      if (span) this.#sink.add(span);
      from = turn.recorded_at ?? from;
    }
    this.#lastTurnAt.set(run, from);
  }

  /** The first and the last record of a run that just ended. */
  addRun(run: Run, startedLine: string, endedLine: string): void {
    const started = JSON.parse(startedLine) as RunStarted;
    const ended = JSON.parse(endedLine) as RunEnded;
    this.#sink.add(toRunSpan(run, { started, ended, endedAt: ended.ended_at }, this.#sink.hasContent));
  }
}
