// External agents: coding agents that are installed on the daemon's machine, one process for each task. The daemon sends
// nothing to them by itself.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';

const section = 'Agents, External CLI agents';

const maxTaskChars = 4 * 1024 * 1024;
const maxPathChars = 4_096;
const maxTools = 256;
const maxAttachments = 64;

/** Text that becomes an argument of a process, which the operating system ends at its first NUL. */
const argument = (maxChars: number) =>
  z
    .string()
    .max(maxChars)
    .regex(/^[^\0]*$/, 'must not contain NUL');

/** `claude-code`, `codex`, `gemini`, or what the operator called an agent that speaks ACP. */
const externalId = () => z.string().min(1).max(200);

const externalHealth = once(() =>
  z
    .object({
      id: z.string(),
      status: z.enum(['ready', 'not_configured', 'expired', 'network_error', 'not_executable', 'unknown']),
      /** What the tool says of itself, without what identifies anybody. */
      details: z.unknown(),
      reason: z.string().optional(),
      /** Unix seconds. */
      checked_at: z.number(),
    })
    .meta({ id: 'ExternalAgentHealth' }),
);

export const externalAgent = once(() =>
  z
    .object({
      id: z.string(),
      display_name: z.string(),
      binary_path: z.string(),
      version: z.string().optional(),
      /** Advisory: what was found at first sight. `health` says whether it works. */
      auth_kind: z.enum(['subscription', 'api_key', 'unknown', 'unauthenticated']),
      capabilities: z.object({
        tool_use: z.boolean(),
        mcp: z.boolean(),
        hooks: z.boolean(),
        sessions: z.boolean(),
        streaming: z.boolean(),
        images: z.boolean(),
      }),
      detected_at: z.number(),
      health: externalHealth().optional(),
      /** Whether the program can be run at all, as detection found it. */
      execution: z
        .discriminatedUnion('state', [
          z.object({ state: z.literal('runnable') }),
          z.object({ state: z.literal('unusable'), reason: z.string(), checked_at: z.number() }),
        ])
        .optional(),
    })
    .meta({ id: 'ExternalAgentSpec' }),
);

const externalResult = once(() =>
  z
    .object({
      answer: z.string(),
      /** The tool's own. */
      session_id: z.string().optional(),
      turns: z.number(),
      tool_calls: z.number(),
      /** Every use of a tool, in order. */
      tool_uses: z.array(z.object({ id: z.string(), name: z.string(), input: z.unknown() })).optional(),
      duration_ms: z.number(),
      total_cost_usd: z.number().optional(),
      /** Attachments that were not handed on. */
      dropped_attachments: z.number().optional(),
      is_error: z.boolean(),
      error: z.string().optional(),
    })
    .meta({ id: 'ExternalAgentResult' }),
);

const listing = {
  params: () => z.object({ include_health: z.boolean().nullish() }),
  result: () => z.array(externalAgent()),
  access: 'client',
  effect: 'read',
  section,
} as const;

export const external = {
  'agents.list_external': method({
    summary: 'Coding agents installed on this machine, as they were found when somebody last looked',
    ...listing,
  }),
  'agents.detect_external': method({
    summary: 'Look for coding agents on this machine again',
    ...listing,
  }),
  'agents.health_external': method({
    summary: 'Whether coding agents are logged in, by their own word; what is younger than 30 s is not asked again',
    params: () => z.object({ id: externalId().nullish(), force: z.boolean().nullish() }),
    result: () => z.union([externalHealth(), z.array(externalHealth())]),
    access: 'client',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'agents.invoke_external': method({
    summary: 'Give a task to a coding agent of this machine, whose tools the daemon sees and does not gate',
    params: () =>
      z.object({
        id: externalId(),
        task: z.string().min(1).max(maxTaskChars),
        /** What it says comes as agents.chat.event. */
        stream: z.boolean().nullish(),
        /** Of the chat, when streamed; generated when left out. */
        session_id: z.string().min(1).max(200).nullish(),
        /** Folder it works in. Default: the daemon's own. */
        cwd: argument(maxPathChars).min(1).nullish(),
        /** Left out: what the tool allows by itself. Empty: none at all. */
        allowed_tools: z.array(argument(1_024).min(1).regex(/^[^-]/, 'must not begin with -')).max(maxTools).nullish(),
        max_turns: z.int().min(1).nullish(),
        /** Clamped to 1..3600. */
        timeout_secs: z.number().nullish(),
        /** Left out: this daemon's own MCP endpoint, where it has one. Empty: none. */
        mcp_endpoint: argument(maxPathChars)
          .regex(/^(?:$|https?:\/\/)/i, 'must be an http or https URL, or empty')
          .nullish(),
        /** Images of the daemon's machine, by absolute path. */
        attachments: z
          .array(z.object({ path: argument(maxPathChars).min(1), media_type: z.string().nullish() }))
          .max(maxAttachments)
          .nullish(),
      }),
    result: () => z.union([externalResult(), z.object({ accepted: z.literal(true), session_id: z.string() })]),
    access: 'client',
    effect: 'write',
    takesCommand: true,
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
};

export type ExternalAgent = z.output<ReturnType<typeof externalAgent>>;
export type ExternalHealth = z.output<ReturnType<typeof externalHealth>>;
export type ExternalResult = z.output<ReturnType<typeof externalResult>>;
