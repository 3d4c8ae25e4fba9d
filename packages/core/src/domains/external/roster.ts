// Which external agents there are and how they are: what was found is kept until somebody looks again, what a tool said of
// itself for half a minute.
import { fail, type ExternalAgent, type ExternalHealth } from '@car-runtime/protocol';
import type { ExternalTool, Found } from './tool.ts';

const healthMaxAgeMs = 30_000;

export interface Entry {
  readonly tool: ExternalTool;
  readonly found: Found;
  /** Unix seconds. */
  readonly detectedAt: number;
}

export class Roster {
  readonly #tools: readonly ExternalTool[];
  readonly #now: () => number;
  #entries: ReadonlyMap<string, Entry> | undefined;
  #running: Promise<unknown> | undefined;
  #next: Promise<void> | undefined;
  readonly #health = new Map<string, { entry: Entry; askedAtMs: number; answer: Promise<ExternalHealth> }>();

  constructor(tools: readonly ExternalTool[], now: () => number) {
    this.#tools = tools.toSorted((left, right) => (left.id < right.id ? -1 : 1));
    this.#now = now;
  }

  /** As they were found when somebody last looked; the first to ask looks. */
  async entries(): Promise<ReadonlyMap<string, Entry>> {
    if (!this.#entries) await (this.#running ?? this.detect());
    return this.#entries ?? new Map();
  }

  /** Looks again. Who asks while somebody looks waits for a look of its own, which all who wait share. */
  detect(): Promise<void> {
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      this.#running = this.#detect();
      return this.#running as Promise<void>;
    });
    return this.#next;
  }

  async #detect(): Promise<void> {
    const found = await Promise.all(this.#tools.map(async (tool) => ({ tool, found: await tool.detect() })));
    const detectedAt = this.#seconds();
    this.#entries = new Map(
      found.flatMap(({ tool, found: where }): [string, Entry][] =>
        where ? [[tool.id, { tool, found: where, detectedAt }]] : [],
      ),
    );
    this.#running = undefined;
  }

  async list({ withHealth, force }: { withHealth: boolean; force: boolean }): Promise<ExternalAgent[]> {
    const entries = [...(await this.entries()).values()];
    return await Promise.all(
      entries.map(async (entry) => {
        // What cannot be run says so to everybody; the rest is asked only on demand.
        const isAsked = withHealth || entry.found.problem !== undefined;
        return toWire(entry, isAsked ? await this.#healthOf(entry, force) : undefined);
      }),
    );
  }

  async health(id: string | undefined, force: boolean): Promise<ExternalHealth | ExternalHealth[]> {
    const entries = await this.entries();
    if (id === undefined) return await Promise.all([...entries.values()].map((entry) => this.#healthOf(entry, force)));
    const entry = entries.get(id);
    if (!entry) throw this.unknown(id);
    return await this.#healthOf(entry, force);
  }

  unknown(id: string): Error {
    const isTool = this.#tools.some((tool) => tool.id === id);
    const what = `external agent ${JSON.stringify(id)}`;
    return isTool
      ? fail('failed', `${what} is not installed on this machine`, { data: { reason: 'not_installed' } })
      : fail('failed', `unknown ${what}`, { data: { reason: 'unknown_external_agent' } });
  }

  /** Callers that come while it is asked share the answer, and so do those of the next half minute. */
  async #healthOf(entry: Entry, force: boolean): Promise<ExternalHealth> {
    const { id } = entry.tool;
    const kept = this.#health.get(id);
    if (kept && kept.entry === entry && !force && this.#now() - kept.askedAtMs < healthMaxAgeMs)
      return await kept.answer;
    const answer = this.#ask(entry);
    this.#health.set(id, { entry, askedAtMs: this.#now(), answer });
    return await answer;
  }

  async #ask({ tool, found }: Entry): Promise<ExternalHealth> {
    const finding =
      found.problem === undefined
        ? await tool.health(found)
        : { status: 'not_executable' as const, details: null, reason: found.problem };
    return { id: tool.id, ...finding, checked_at: this.#seconds() };
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1_000);
  }
}

function toWire({ tool, found, detectedAt }: Entry, health: ExternalHealth | undefined): ExternalAgent {
  return {
    id: tool.id,
    display_name: tool.displayName,
    binary_path: found.path,
    ...(found.version !== undefined && { version: found.version }),
    auth_kind: health?.status === 'not_configured' ? 'unauthenticated' : tool.authKind(),
    capabilities: tool.capabilities,
    detected_at: detectedAt,
    ...(health && { health }),
    execution:
      found.problem === undefined
        ? { state: 'runnable' }
        : { state: 'unusable', reason: found.problem, checked_at: detectedAt },
  };
}
