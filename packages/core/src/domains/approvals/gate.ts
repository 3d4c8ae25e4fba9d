// Asks a person before a high-risk method runs (Transport, High-risk method approval gate).
import { fail } from '@car-runtime/protocol';
import type { CallContext } from '../../kernel/domain.ts';
import type { CallGate, CallPermit } from '../../kernel/call-gate.ts';
import { digestOf } from './approval.ts';
import type { ApprovalService } from './service.ts';

export const defaultGateTimeoutMs = 60_000;
const maxPreviewChars = 500;
/** Of one value of the params, in the card. */
const maxParamChars = 2_000;

export interface ApprovalGateConfig {
  /** `false` never asks. Default true. */
  enabled?: boolean;
  /** Wire names, exactly. Default: the methods whose declaration says `approval`. */
  methods?: Iterable<string>;
  /** How long a call waits, in ms. Default 60 000. */
  timeoutMs?: number;
}

export interface ApprovalGateOptions extends Required<ApprovalGateConfig> {
  service: ApprovalService;
}

export class ApprovalGate implements CallGate {
  readonly #service: ApprovalService;
  readonly #methods: ReadonlySet<string>;
  readonly #timeoutMs: number;

  constructor({ service, enabled, methods, timeoutMs }: ApprovalGateOptions) {
    this.#service = service;
    this.#methods = new Set(enabled ? methods : []);
    this.#timeoutMs = timeoutMs;
  }

  admit(method: string, params: unknown, context: CallContext): Promise<CallPermit> | undefined {
    return this.#methods.has(method) ? this.#ask(method, params, context) : undefined;
  }

  async #ask(method: string, params: unknown, { connection, cancel }: CallContext): Promise<CallPermit> {
    const service = this.#service;
    const { id } = service.request({
      kind: 'gate',
      action: `ws.method:${method}`,
      details: { method, params_preview: previewOf(params), params: shortened(params) },
      agentId: connection.agentId,
      digest: digestOf({ method, params }),
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
    return this.#permit(method, id);
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
      ? 'denied'
      : outcome === 'expired'
        ? `nobody answered in ${timeoutMs / 1_000} s`
        : outcome;
  return fail('approval_denied', `Cannot call ${method}: approval ${why}`, {
    data: { reason: 'approval_denied', approval_id: id, outcome },
  });
}

function previewOf(params: unknown): string {
  const text = JSON.stringify(shortened(params));
  return text.length > maxPreviewChars ? `${text.slice(0, maxPreviewChars)}…` : text;
}

/** The params with long texts cut, so that a card never has to carry them whole. */
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
