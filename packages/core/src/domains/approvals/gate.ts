// Asks a person before a high-risk method runs (Transport, High-risk method approval gate).
import { jsonEquals, type JsonObject } from '@car-runtime/engine';
import { fail } from '@car-runtime/protocol';
import type { CallContext } from '../../kernel/domain.ts';
import type { CallGate, CallPermit } from '../../kernel/call-gate.ts';
import { digestOf } from './approval.ts';
import type { ApprovalService } from './service.ts';

export const defaultGateTimeoutMs = 60_000;
const maxPreviewChars = 500;
/** Of one value of the params, in the preview. */
const maxParamChars = 2_000;

export interface ApprovalGateConfig {
  /** `false` never asks. Default true. */
  enabled?: boolean;
  /** Wire names, exactly. Default: the methods whose declaration says `approval`. */
  methods?: Iterable<string>;
  /** How long a call waits, in ms. Default 60 000. */
  timeoutMs?: number;
}

/** What lies behind the params of a call (the content of a file it names): read when it is asked about, and again before it
 *  runs. */
export type CallFacts = Readonly<Record<string, (params: object) => Promise<JsonObject>>>;

export interface ApprovalGateOptions extends Required<ApprovalGateConfig> {
  service: ApprovalService;
  facts?: CallFacts;
  /** Methods that change nothing. */
  reads?: Iterable<string>;
}

/** Times a person is asked about one call whose facts keep changing. */
const maxRounds = 3;

interface Question {
  params: unknown;
  facts: JsonObject | undefined;
  /** The facts of the question before, when they were others. */
  before: JsonObject | undefined;
}

export class ApprovalGate implements CallGate {
  readonly #service: ApprovalService;
  readonly #methods: ReadonlySet<string>;
  readonly #timeoutMs: number;
  readonly #facts: CallFacts;
  readonly #reads: ReadonlySet<string>;

  constructor({ service, enabled, methods, timeoutMs, facts = {}, reads = [] }: ApprovalGateOptions) {
    this.#service = service;
    this.#facts = facts;
    this.#reads = new Set(reads);
    this.#methods = new Set(enabled ? methods : []);
    this.#timeoutMs = timeoutMs;
  }

  admit(method: string, params: unknown, context: CallContext): Promise<CallPermit> | undefined {
    return this.#methods.has(method) ? this.#ask(method, params, context) : undefined;
  }

  /** An approval covers the params and what lies behind them: when that has changed since, the question is another one. */
  async #ask(method: string, params: unknown, context: CallContext): Promise<CallPermit> {
    const factsNow = async () => await this.#facts[method]?.(params as object);
    let facts = await factsNow();
    let before: JsonObject | undefined;
    for (let round = 0; round < maxRounds; round++) {
      const id = await this.#askOnce(method, { params, facts, before }, context);
      const now = await factsNow();
      if (jsonEquals(facts ?? {}, now ?? {})) return this.#permit(method, id);
      this.#service.noteExecution(id, 'not_run');
      before = facts;
      facts = now;
    }
    throw fail('approval_denied', `Cannot call ${method}: what was approved kept changing`, {
      data: { reason: 'changed_since_approval' },
    });
  }

  /** Answers the id of the approval; rejects unless it was approved. */
  async #askOnce(method: string, { params, facts, before }: Question, context: CallContext): Promise<string> {
    const { connection, cancel } = context;
    const service = this.#service;
    cancel.throwIfAborted();
    const { id } = service.request({
      kind: 'gate',
      action: `ws.method:${method}`,
      details: {
        method,
        params_preview: previewOf(params),
        ...(before && { changed: { before, now: facts ?? null } }),
      },
      shown: [params, facts],
      whole: { method, params, ...(facts && { facts }) },
      ...(before && { subject: { changed: { before, now: facts } } }),
      agentId: connection.agentId,
      reversibility: this.#reads.has(method) ? 'reversible' : 'irreversible',
      digest: digestOf({ method, params, ...(facts && { facts }) }),
      timeoutMs: this.#timeoutMs,
    });
    const outcome = await service.settled(id, cancel).then(
      (settled) => settled.outcome,
      (reason: unknown) => {
        service.endAsGone(id);
        throw reason;
      },
    );
    if (outcome !== 'approved') throw refusal(method, id, outcome, this.#timeoutMs);
    return id;
  }

  /** The record says that it began before it begins, so that it never runs twice and never unseen. */
  #permit(method: string, id: string): CallPermit {
    const service = this.#service;
    return {
      begin: () => {
        if (service.noteExecution(id, 'started')) return;
        service.noteExecution(id, 'not_run');
        throw fail('failed', `Cannot call ${method}: it was approved, and that could not be stored`, {
          data: { reason: 'not_stored', approval_id: id },
        });
      },
      abandoned: () => void service.noteExecution(id, 'not_run'),
      ended: (isOk) => void service.noteExecution(id, isOk ? 'completed' : 'failed'),
    };
  }
}

function refusal(method: string, id: string, outcome: string, timeoutMs: number): Error {
  const why =
    outcome === 'denied_by_human'
      ? 'it was denied'
      : outcome === 'expired'
        ? `nobody approved it in ${timeoutMs / 1_000} s`
        : `its approval ended (${outcome})`;
  return fail('approval_denied', `Cannot call ${method}: ${why}`, {
    data: { approval_id: id, outcome },
  });
}

function previewOf(params: unknown): string {
  const text = JSON.stringify(shortened(params));
  return text.length > maxPreviewChars ? `${text.slice(0, maxPreviewChars)}…` : text;
}

/** The params with long texts cut, so that a preview is not made of all of them. */
function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.length > maxParamChars ? `${value.slice(0, maxParamChars)}…` : value;
  if (Array.isArray(value)) return value.slice(0, 100).map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 100)
      .map(([key, each]) => [key, shortened(each)]),
  );
}
