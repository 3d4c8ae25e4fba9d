// Records that several domains share: proposals, results, tools, policies (Runtime, Shared shapes).
import { z } from 'zod';
import { once } from './once.ts';
import { isPlainObject } from './plain-proposal.ts';

// Records with an id appear under that name in the OpenRPC document and in every JSON Schema.
// What may be absent and has no default may be null: many languages write an absent value so.

export const jsonObject = once(() => uncopied(z.record(z.string(), z.unknown())));

/** A record whose values may be anything has nothing to check but that it is one: looking at every member and copying it
 *  took a fifth of checking a plan. */
function uncopied<T extends z.ZodRecord<z.ZodString, z.ZodUnknown>>(schema: T): T {
  const { parse } = schema._zod;
  schema._zod.parse = schema._zod.run = (payload, context) =>
    isPlainObject(payload.value) ? payload : parse(payload, context);
  return schema;
}

const failureBehavior = once(() => z.enum(['abort', 'retry', 'skip']));
export const reversibility = once(() => z.enum(['reversible', 'compensable', 'irreversible']));

export const precondition = once(() =>
  z
    .object({
      key: z.string(),
      operator: z.string().optional(),
      value: z.unknown().optional(),
      description: z.string().optional(),
    })
    .meta({ id: 'Precondition' }),
);

export const compensation = once(() =>
  z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('tool'), tool: z.string(), parameters: jsonObject().optional() }),
      z.object({ type: z.literal('action_ref'), action_id: z.string() }),
    ])
    .meta({ id: 'Compensation' }),
);

export const actionType = once(() => z.enum(['tool_call', 'state_write', 'state_read', 'assertion']));

export const action = once(() =>
  z
    .object({
      id: z.string().min(1).optional(),
      type: actionType(),
      tool: z.string().nullish(),
      parameters: jsonObject().optional(),
      preconditions: z.array(precondition()).optional(),
      expected_effects: jsonObject().optional(),
      state_dependencies: z.array(z.string()).optional(),
      read_set: z.array(z.string()).optional(),
      write_set: z.array(z.string()).optional(),
      assumptions: z
        .array(
          z.object({ key: z.string(), expected_value: z.unknown().optional(), read_version: z.number().nullish() }),
        )
        .optional(),
      invocation_mode: z.enum(['one_shot', 'streaming', 'long_running']).optional(),
      reversibility: reversibility().optional(),
      compensation: compensation().nullish(),
      idempotent: z.boolean().optional(),
      max_retries: z.int().min(0).optional(),
      failure_behavior: failureBehavior().optional(),
      timeout_ms: z.number().min(0).nullish(),
      metadata: jsonObject().optional(),
      dependencies: z.array(z.string()).optional(),
    })
    .meta({ id: 'Action' }),
);

export const actionProposal = once(() =>
  z
    .object({
      id: z.string().min(1).optional(),
      source: z.string().optional(),
      timestamp: z.string().optional(),
      actions: z.array(action()),
      context: jsonObject().optional(),
    })
    .meta({ id: 'ActionProposal' }),
);

export const actionStatus = once(() =>
  z.enum(['proposed', 'validated', 'rejected', 'executing', 'succeeded', 'failed', 'skipped']),
);

export const actionResult = once(() =>
  z
    .object({
      action_id: z.string(),
      status: actionStatus(),
      output: z.unknown().optional(),
      error: z.string().nullish(),
      /** Ours: why it was rejected, for programs, with a stable `reason`. */
      error_data: jsonObject().optional(),
      state_changes: jsonObject(),
      duration_ms: z.number().nullish(),
      timestamp: z.string(),
      rolled_back: z.literal(true).optional(),
    })
    .meta({ id: 'ActionResult' }),
);

export const costSummary = once(() =>
  z
    .object({
      tool_calls: z.number(),
      actions_executed: z.number(),
      actions_rejected: z.number(),
      actions_skipped: z.number(),
      total_duration_ms: z.number(),
      retries: z.number(),
    })
    .meta({ id: 'CostSummary' }),
);

const rateLimit = once(() => z.object({ max_calls: z.int().min(0), interval_secs: z.number().positive() }));

/** The most one call of a tool uses. With `reported`, its output says in `usage` what it did use. */
const toolUsage = once(() =>
  z.object({
    max_tokens: z.int().min(0).optional(),
    max_cost_usd: z.number().min(0).optional(),
    reported: z.boolean().optional(),
  }),
);

export const toolDefinition = once(() =>
  z
    .object({
      name: z.string().min(1),
      description: z.string().optional(),
      parameters: jsonObject().optional(),
      returns: jsonObject().nullish(),
      idempotent: z.boolean().optional(),
      cache_ttl_secs: z.number().min(0).nullish(),
      rate_limit: rateLimit().nullish(),
      /** Ours: the client sends `tools.chunk` while it runs, so plans may start it and go on. */
      streaming: z.boolean().optional(),
      /** Ours. */
      usage: toolUsage().nullish(),
    })
    .meta({ id: 'ToolDefinition' }),
);

export const toolSchema = once(() =>
  z
    .object({
      name: z.string(),
      description: z.string(),
      parameters: jsonObject(),
      idempotent: z.boolean(),
      returns: jsonObject().optional(),
      cache_ttl_secs: z.number().optional(),
      rate_limit: rateLimit().optional(),
      source: z.enum(['builtin', 'user_defined', 'subprocess', 'mcp']).optional(),
      streaming: z.boolean().optional(),
      usage: toolUsage().optional(),
    })
    .meta({ id: 'ToolSchema' }),
);

/** A piece of what a running tool says. */
export const toolChunk = once(() =>
  z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('text'), text: z.string() }),
      z.object({ kind: z.literal('data'), data: z.unknown() }),
      z.object({ kind: z.literal('progress'), fraction: z.number(), message: z.string().optional() }),
      z.object({ kind: z.literal('done'), result: z.unknown().optional() }),
      z.object({ kind: z.literal('error'), message: z.string() }),
    ])
    .meta({ id: 'ToolChunk' }),
);

export const policyDefinition = once(() =>
  z
    .object({
      name: z.string().min(1),
      rule: z.string(),
      target: z.string().nullish(),
      key: z.string().nullish(),
      pattern: z.string().nullish(),
      value: z.unknown().optional(),
      session_id: z.string().nullish(),
    })
    .meta({ id: 'PolicyDefinition' }),
);

/** camelCase on the wire, unlike every other record. */
export const runtimeScope = once(() =>
  z
    .object({
      callerId: z.string().nullish(),
      tenantId: z.string().nullish(),
      claims: jsonObject().nullish(),
    })
    .meta({ id: 'RuntimeScope' }),
);

export type ActionProposal = z.input<ReturnType<typeof actionProposal>>;
export type Action = z.input<ReturnType<typeof action>>;
export type ActionResult = z.output<ReturnType<typeof actionResult>>;
export type ToolDefinition = z.input<ReturnType<typeof toolDefinition>>;
export type ToolChunk = z.output<ReturnType<typeof toolChunk>>;
export type ToolSchema = z.output<ReturnType<typeof toolSchema>>;
export type PolicyDefinition = z.input<ReturnType<typeof policyDefinition>>;
export type RuntimeScope = z.output<ReturnType<typeof runtimeScope>>;
