// Approvals: what waits for a person, what was decided, and how it ended.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';
import { jsonObject } from './records.ts';

const section = 'Host surface, Approvals';

const maxIdChars = 200;
const maxActionChars = 4_096;
const maxOptions = 20;
const maxOptionChars = 100;
/** Of one answer of `host.approvals`. */
export const maxApprovalsPerPage = 500;

/** How an approval ended; what nobody decided is never told as a person's no. */
export const approvalOutcome = once(() =>
  z.enum(['approved', 'denied_by_human', 'expired', 'requester_gone', 'policy_denied', 'daemon_restarted']),
);

const approvalKind = once(() => z.enum(['gate', 'request', 'permission', 'plan', 'budget', 'supervision', 'external']));

export const hostApproval = once(() =>
  z
    .object({
      id: z.string(),
      agent_id: z.string().nullish(),
      action: z.string(),
      details: jsonObject().nullable(),
      options: z.array(z.string()),
      status: z.enum(['pending', 'resolved']),
      created_at: z.string(),
      resolved_at: z.string().nullish(),
      resolution: z.string().nullish(),
      /** The connection it belongs to; nobody's when absent. */
      client_id: z.string().nullish(),
      /** Ours: place in the order they were made, across restarts. */
      number: z.number().optional(),
      /** Ours: who asks: the daemon before a method (`gate`), a client (`request`), or the daemon for what an agent is about
       *  to do (`permission`, `plan`) or to spend (`budget`),
       *  or for an external agent that asks for permission (`external`). */
      kind: approvalKind().optional(),
      /** Ours: the same in words, written by the daemon; what an agent said is quoted, without hidden characters. */
      card: z.string().optional(),
      /** Ours: whether it can be undone, where the daemon knows. */
      reversibility: z.enum(['reversible', 'compensable', 'irreversible']).optional(),
      /** Ours: of the action it covers, `sha256:` and hex. Another action needs another approval. */
      digest: z.string().optional(),
      /** Ours: nothing runs on it after this. */
      expires_at: z.string().optional(),
      /** Ours: absent while it waits. */
      outcome: approvalOutcome().optional(),
      /** Ours: connection that resolved it, `conn:` and its client id. */
      resolved_by: z.string().optional(),
      notes: z.string().optional(),
      /** Ours, of a gated call that was approved: it was never begun, it began and has not ended, it ended, or the daemon was
       *  stopped in the middle. */
      execution: z.enum(['not_run', 'started', 'completed', 'failed', 'interrupted']).optional(),
    })
    .meta({ id: 'HostApproval' }),
);

const approvalAction = once(() =>
  z
    .object({
      /** As JSON, members in the order of their names; what would not be seen is written as its escape. Of a very long one
       *  the beginning. */
      text: z.string(),
      /** The end of a very long one. */
      tail: z.string().optional(),
      /** Of all of it. */
      chars: z.number(),
      /** Between `text` and `tail`. */
      hidden_chars: z.number(),
    })
    .meta({ id: 'ApprovalAction' }),
);

export const approvals = {
  'host.approvals': method({
    summary: 'Approvals of all connections in the order they were made; the newest unless `after` says otherwise',
    params: () =>
      z.object({
        /** Ours: only these. `pending` are those that still wait for somebody. */
        status: z.enum(['pending', 'resolved']).nullish(),
        limit: z.int().min(1).max(maxApprovalsPerPage).nullish(),
        /** Ours: only those after this number, the oldest of them first. 0 begins with the first. */
        after: z.int().min(0).nullish(),
        /** Ours: only those before this number, the newest of them. Not together with `after`. */
        before: z.int().min(1).nullish(),
      }),
    result: () =>
      z.object({
        approvals: z.array(hostApproval()),
        /** Ours: how many there are in all. */
        total: z.number().optional(),
        /** Ours: there are more; ask again with this as `after`. */
        next: z.number().optional(),
      }),
    access: 'session',
    effect: 'read',
    section: 'Host surface, Subscription and reads',
  }),
  'host.approval': method({
    summary: 'One approval, and all of the action it covers, where the card has only the beginning of long values',
    params: () => z.object({ approval_id: z.string() }),
    result: () => z.object({ approval: hostApproval(), action: approvalAction() }),
    access: 'client',
    effect: 'read',
    errors: ['failed'],
    section: 'Host surface, Subscription and reads',
    isExtension: true,
  }),
  'host.request_approval': method({
    summary: 'Ask a person. The answer comes as `approval.resolved`, or is read with `host.approvals`',
    params: () =>
      z
        .object({
          action: z.string().max(maxActionChars).nullish(),
          agent_id: z.string().max(maxIdChars).nullish(),
          details: jsonObject().nullish(),
          options: z.array(z.string().min(1).max(maxOptionChars)).min(1).max(maxOptions).nullish(),
          /** Nobody owns it: any client or host may resolve it, and it outlives this connection. */
          system_level: z.boolean().nullish(),
          /** The earlier name of `action`. */
          title: z.string().max(maxActionChars).nullish(),
          /** Earlier, now part of `details`. */
          description: z.string().nullish(),
          /** Earlier, now part of `details`. */
          context: z.unknown().optional(),
        })
        .refine(({ action, title }) => (action ?? title ?? '').trim() !== '', {
          path: ['action'],
          error: 'expected string, but it is missing',
        }),
    result: hostApproval,
    access: 'session',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'host.resolve_approval': method({
    summary: 'Decide an approval. The first decision counts; of one that was made already, the answer is that one',
    params: () =>
      z
        .object({
          approval_id: z.string(),
          resolution: z.string().min(1).max(maxOptionChars).nullish(),
          /** The earlier form: true is `approve`, false is `deny`. */
          approved: z.boolean().nullish(),
          notes: z.string().max(maxActionChars).nullish(),
        })
        .refine(({ resolution, approved }) => (resolution ?? approved ?? undefined) !== undefined, {
          path: ['resolution'],
          error: 'expected string, but it is missing',
        }),
    result: hostApproval,
    access: 'client',
    ownership: 'decider',
    effect: 'write',
    errors: ['failed', 'forbidden'],
    section,
  }),
};

export type HostApproval = z.output<ReturnType<typeof hostApproval>>;
export type ApprovalAction = z.output<ReturnType<typeof approvalAction>>;
export type ApprovalOutcome = z.output<ReturnType<typeof approvalOutcome>>;
export type ApprovalKind = z.output<ReturnType<typeof approvalKind>>;
