// Chat: a host talks to an agent through the daemon, which routes what the agent says back to that host.
import { z } from 'zod';
import { agentId } from './agents.ts';
import { callback, event, method } from './declare.ts';
import { feedCursor } from './host.ts';
import { once } from './once.ts';

const section = 'Agents, Chat';

const maxSessionIdLength = 200;
const maxAttachments = 64;
export const maxGoalIterations = 50;

/** Clients name sessions as they like; the name stays in memory. */
export const sessionId = once(() => z.string().min(1).max(maxSessionIdLength));

const httpUrl = once(() => z.string().regex(/^https?:\/\//i, 'must be an http or https URL'));

const imageBlock = once(() =>
  z
    .discriminatedUnion('type', [
      z.object({
        type: z.literal('image_base64'),
        data: z.string(),
        media_type: z.enum(['image/png', 'image/jpeg', 'image/gif', 'image/webp']),
      }),
      z.object({ type: z.literal('image_url'), url: httpUrl(), detail: z.string().optional() }),
    ])
    .meta({ id: 'ImageBlock' }),
);

/** A shell command that says with its exit status whether a goal is met. */
export const goalCheck = once(() => z.string().max(8_192));

/** Iterations are clamped to 1..50, default 8. */
export const chatGoal = once(() =>
  z
    .object({
      check: goalCheck(),
      max_iterations: z.number().nullish(),
      /** Ours: the absolute path of the folder the check runs in. Default: the folder of the agent. */
      working_dir: z.string().max(4_096).nullish(),
    })
    .meta({ id: 'ChatGoal' }),
);

/** What an agent says: the fields of its kind, and whatever else it sends. */
const chatEventFields = () => ({
  session_id: z.string(),
  /** `token`, `tool_call`, `approval_pending`, `goal_evaluated`, and the last of a turn: `done` or `error`. */
  kind: z.string(),
  delta: z.string().optional(),
  tool: z.string().optional(),
  params: z.unknown().optional(),
  detail: z.unknown().optional(),
  approval_id: z.string().optional(),
  action: z.string().optional(),
  details: z.unknown().optional(),
  iteration: z.number().optional(),
  met: z.boolean().optional(),
  grounded: z.boolean().optional(),
  reason: z.string().optional(),
  finish_reason: z.string().optional(),
  text: z.string().optional(),
  error: z.string().optional(),
});

const chatEvent = once(() =>
  z
    .looseObject({
      agent_id: z.string(),
      ...chatEventFields(),
      /** Ours: of a session that can be resumed or is watched. */
      cursor: feedCursor().optional(),
    })
    .meta({ id: 'ChatEvent' }),
);

export const chat = {
  'agents.chat': method({
    summary: 'Send a prompt to an agent; what it says comes as agents.chat.event',
    params: () =>
      z.object({
        agent_id: agentId(),
        prompt: z.string(),
        session_id: sessionId().nullish(),
        stream: z.boolean().default(true),
        voice_input: z.boolean().default(false),
        /** The model of this turn and no other; blank counts as left out. */
        model: z.string().nullish(),
        attachments: z.array(imageBlock()).max(maxAttachments).nullish(),
        goal: chatGoal().nullish(),
        /** Ours: the session outlives this connection for a while, and `agents.chat.watch` goes on with it. */
        resumable: z.boolean().nullish(),
      }),
    result: () => z.object({ accepted: z.literal(true), session_id: z.string() }),
    access: 'session',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'agents.chat.cancel': method({
    summary: 'End a chat; what the agent still says goes nowhere',
    params: () => z.object({ session_id: z.string() }),
    result: () => z.object({ cancelled: z.boolean(), session_id: z.string() }),
    access: 'session',
    ownership: 'subject',
    effect: 'write',
    errors: ['forbidden'],
    section,
  }),
  'agents.chat.approve': method({
    summary: "Answer an agent's question whether it may go on",
    params: () =>
      z.object({
        session_id: z.string(),
        approval_id: z.string(),
        decision: z.union([z.boolean(), z.string()]).nullish(),
      }),
    result: () => z.object({ resolved: z.boolean(), session_id: z.string() }),
    access: 'client',
    ownership: 'chatHost',
    effect: 'write',
    errors: ['failed', 'forbidden'],
    section,
  }),
  'agents.chat.watch': method({
    summary: 'Follow a chat that another connection began, or go on with one after a reconnect',
    params: () => z.object({ session_id: z.string(), after: feedCursor().nullish() }),
    result: () =>
      z.object({
        session_id: z.string(),
        agent_id: z.string(),
        /** Of the last event so far; those that follow have higher numbers. */
        cursor: feedCursor(),
        /** `replayed`: `events` came behind `after`. `snapshot`: they are all that is kept. `reset`: the cursor is of another
         *  session of this name, and they are all that is kept. */
        delivery: z.enum(['snapshot', 'replayed', 'reset']),
        events: z.array(chatEvent()),
        /** Whether the turn has ended. */
        ended: z.boolean(),
      }),
    access: 'client',
    effect: 'read',
    errors: ['failed', 'overloaded'],
    section,
    isExtension: true,
  }),
  'agents.chat.unwatch': method({
    summary: 'Stop following a chat; removed says whether it was followed',
    params: () => z.object({ session_id: z.string() }),
    result: () => z.object({ session_id: z.string(), removed: z.boolean() }),
    access: 'client',
    effect: 'read',
    section,
    isExtension: true,
  }),
};

export const chatEvents = {
  'agents.chat.event': event({
    summary: 'An agent said something in a chat of this connection, or in one that it follows',
    params: chatEvent,
    precondition: '`agents.chat` or `agents.chat.watch`',
    section,
  }),
};

/** Notifications of the daemon to an agent. */
export const agentChatEvents = {
  'agent.chat.cancel': event({
    summary: 'The host gave up on a chat',
    params: () => z.object({ session_id: z.string() }),
    precondition: 'to be attached as an agent',
    section,
  }),
};

export const chatCallbacks = {
  'agent.chat': callback({
    summary: 'A prompt for this agent; acknowledge it within 5 s, then send agent.chat.event notifications',
    params: () =>
      z.object({
        session_id: z.string(),
        prompt: z.string(),
        stream: z.boolean(),
        context: z.object({ host_client_id: z.string(), voice_input: z.boolean() }),
        model: z.string().optional(),
        attachments: z.array(imageBlock()).optional(),
        goal: chatGoal().optional(),
      }),
    result: () =>
      z.looseObject({
        accepted: z.boolean(),
        session_id: z.string().optional(),
        /** Ours: `daemon` leaves it to the daemon to run the check of the goal whenever the agent is done, and to ask again
         *  until it passes. Left out, the agent does that itself and says `goal_evaluated`. */
        goal: z.string().optional(),
      }),
    section,
  }),
  'agent.chat.approve': callback({
    summary: "The host's answer to an approval that this agent asked for in a chat",
    params: () =>
      z.object({
        session_id: z.string(),
        approval_id: z.string(),
        decision: z.union([z.boolean(), z.string()]),
      }),
    result: () => z.looseObject({ resolved: z.boolean() }),
    section,
  }),
};

/** What an agent sends. */
export const chatNotification = once(() => z.looseObject(chatEventFields()));

export type ChatEvent = z.output<ReturnType<typeof chatEvent>>;
export type ChatGoal = z.output<ReturnType<typeof chatGoal>>;
export type ImageBlock = z.output<ReturnType<typeof imageBlock>>;
