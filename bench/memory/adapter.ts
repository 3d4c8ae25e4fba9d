// The memory of the daemon behind the interface by which memories are compared: each method calls what `memory.*` calls.
import { createPlainBelief, MemoryEngine } from '@car-runtime/memory';

export interface EvaluatedFact {
  id: string;
  key: string;
  value: string;
  scope: string;
  authority: string;
  isConstraint: boolean;
  dependsOn: string[];
  ts?: string | undefined;
}

export interface EvaluatedPiece {
  section: string;
  text: string;
  current: boolean;
}

/** One memory under evaluation. */
export class EvaluatedMemory implements Disposable {
  readonly #engine: MemoryEngine;
  readonly #ranking: string | undefined;
  #nowMs = 0;

  /** Without a name as the daemon does it; `classic` is the ranking of the contract, with explicit supersession alone. */
  constructor(ranking?: 'classic') {
    this.#ranking = ranking;
    this.#engine = new MemoryEngine({ now: () => this.#nowMs, ...(ranking && { belief: createPlainBelief }) });
  }

  addIdentity(record: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(record)) {
      if (value === null || value === undefined) continue;
      this.#engine.addIdentity({ key, value: typeof value === 'string' ? value : JSON.stringify(value), atMs: 0 });
    }
  }

  addEnvironment({ key, value, ts }: { key: string; value: string; ts?: string }): void {
    this.#engine.addEnvironment({ key, value, ...this.#at(ts) });
  }

  addFact(fact: EvaluatedFact): void {
    this.#engine.ingest(this.#toInput(fact));
  }

  supersede({ target, ...fact }: EvaluatedFact & { target: string }): void {
    const input = this.#toInput(fact);
    if (this.#engine.findTarget(target, {})) this.#engine.supersede(target, input);
    else this.#engine.ingest(input);
  }

  addTurn({ id, speaker, text, ts }: { id: string; speaker: string; text: string; ts?: string }): void {
    this.#engine.addTurn({ id, speaker, text, ...this.#at(ts) });
  }

  query(text: string, limit: number): { id: string }[] {
    return this.#engine.reader.query(text, { limit, ...this.#chosen() }).map(({ node }) => ({ id: node.id }));
  }

  context(
    text: string,
    { now, actor }: { now?: string; actor?: { id?: string; role?: string; org?: string } },
  ): EvaluatedPiece[] {
    const nowMs = toMoment(now) ?? this.#nowMs;
    const { id, role } = actor ?? {};
    const asking = { ...(id !== undefined && { id }), ...(role !== undefined && { role }) };
    const pieces = this.#engine.reader.context(text, { nowMs, actor: asking, ...this.#chosen() });
    const shown = pieces.filter(({ text: line }) => !/^#{2,3} /.test(line));
    return shown.map(({ section, text: line, isCurrent }) => ({ section, text: line, current: isCurrent }));
  }

  close(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
  }

  #chosen(): { ranking?: string } {
    return this.#ranking === undefined ? {} : { ranking: this.#ranking };
  }

  #toInput({ ts, ...fact }: EvaluatedFact) {
    return { ...fact, ...this.#at(ts) };
  }

  /** Time goes on with what is told; what has no time is told now. */
  #at(ts: string | undefined): { atMs: number } {
    const atMs = toMoment(ts) ?? this.#nowMs;
    this.#nowMs = Math.max(this.#nowMs, atMs);
    return { atMs };
  }
}

/** Times without a zone are taken for UTC. Understands "1:56 pm on 8 May, 2023", too. */
export function toMoment(ts: string | undefined): number | undefined {
  if (ts === undefined) return undefined;
  const spoken = /^(\d{1,2}:\d\d ?[ap]m) on (.+)$/i.exec(ts);
  const text = spoken ? `${spoken[2]} ${spoken[1]} UTC` : /(?:Z|[+-]\d\d:?\d\d)$/.test(ts) ? ts : `${ts}Z`;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

export default { name: 'CAR', create: (): EvaluatedMemory => new EvaluatedMemory() };
