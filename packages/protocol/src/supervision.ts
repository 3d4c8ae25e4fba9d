// Supervision: programs outside the daemon that see every plan before it runs and say whether it may.
import { z } from 'zod';
import { once } from './once.ts';
import { event, method } from './declare.ts';
import { reversibility, runtimeScope } from './records.ts';

const section = 'Supervision';
const maxReasonChars = 2_000;
const maxFilterEntries = 1_000;

/** What a supervisor is told of a plan: everything about it but the values of its parameters. */
const supervisionIntent = once(() =>
  z
    .object({
      id: z.string(),
      proposal_id: z.string(),
      source: z.string(),
      /** The policy session it runs under. */
      session_id: z.string().optional(),
      scope: runtimeScope().optional(),
      /** The worst of its actions. */
      reversibility: reversibility(),
      created_at: z.string(),
      /** Ours: the connection that submitted it, and the agent that this is. */
      client_id: z.string(),
      agent_id: z.string().optional(),
      actions: z.array(
        z.object({
          id: z.string(),
          action_type: z.enum(['tool_call', 'state_write', 'state_read', 'assertion']),
          tool: z.string().optional(),
          reversibility: reversibility(),
          /** The first 64 names, each cut at 128 characters. */
          parameter_keys: z.array(z.string()),
          parameter_keys_omitted: z.number().optional(),
          /** `sha256:` and the hex digest of the parameters as JSON with sorted keys. */
          parameters_digest: z.string(),
        }),
      ),
    })
    .meta({ id: 'SupervisionIntent' }),
);

const names = () => z.array(z.string()).max(maxFilterEntries).nullish();
const reason = () => z.string().trim().min(1).max(maxReasonChars);

export const supervision = {
  'supervision.subscribe': method({
    summary: 'Be sent every intent that fits the filter; takes the place of an earlier filter',
    params: () =>
      z.object({
        filter: z
          .object({
            /** Plans that call one of these. */
            tools: names(),
            /** Plans of these connections or policy sessions. */
            sessions: names(),
            /** This level and worse; an unknown one counts as the worst. */
            min_reversibility: z.string().nullish(),
          })
          .nullish(),
      }),
    result: () => z.object({ subscribed: z.literal(true), decision_timeout_ms: z.number(), supervisors: z.number() }),
    access: 'client',
    effect: 'write',
    errors: ['overloaded'],
    section,
  }),
  'supervision.unsubscribe': method({
    summary: 'Be sent no more intents; those that wait go on waiting',
    params: () => z.object({}),
    result: () => z.object({ subscribed: z.literal(false), was_subscribed: z.boolean() }),
    access: 'client',
    effect: 'write',
    section,
  }),
  'supervision.pending': method({
    summary: 'Intents that wait for a decision, oldest first',
    params: () => z.object({}),
    result: () => z.object({ intents: z.array(supervisionIntent()) }),
    access: 'client',
    effect: 'read',
    section,
  }),
  'supervision.decide': method({
    summary: 'Allow, deny or escalate an intent; the first decision holds',
    params: () =>
      z.object({
        intent_id: z.string(),
        decision: z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('allow'), reason: z.string().max(maxReasonChars).nullish() }),
          z.object({ kind: z.literal('deny'), reason: reason() }),
          z.object({ kind: z.literal('escalate'), reason: reason() }),
        ]),
      }),
    result: () => z.object({ decided: z.literal(true) }),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
};

export const supervisionEvents = {
  'supervision.intent': event({
    summary: 'A plan waits for a decision',
    params: supervisionIntent,
    precondition: '`supervision.subscribe`',
    section,
  }),
};

export type SupervisionIntent = z.output<ReturnType<typeof supervisionIntent>>;
