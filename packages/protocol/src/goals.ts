// Goals of chats: what stands for a session, how far its turns came, and checks suggested from a project's own files.
import { z } from 'zod';
import { chatGoal, goalCheck, sessionId } from './chat.ts';
import { method } from './declare.ts';
import { once } from './once.ts';

const section = 'Agents, Goals';

const chatGoalState = once(() =>
  z
    .object({
      session_id: z.string(),
      check: z.string(),
      max_iterations: z.number(),
      /** Ours: the folder the check runs in, where one was given. */
      working_dir: z.string().optional(),
      /** `running` while a turn pursues it; `met` or `failed` when the last one ended so. */
      status: z.enum(['active', 'running', 'met', 'failed']),
      last_iteration: z.number().optional(),
      last_met: z.boolean().optional(),
      /** Whether the verdict comes from running the check. */
      last_grounded: z.boolean().optional(),
      last_reason: z.string().optional(),
      terminal_kind: z.enum(['done', 'error']).optional(),
      terminal_message: z.string().optional(),
      /** Unix seconds. */
      updated_at: z.number(),
    })
    .meta({ id: 'ChatGoalState' }),
);

const text = () => z.string().max(65_536);
const folder = () => z.string().max(4_096);

export const goals = {
  'goal.set': method({
    summary: 'Set the goal that stands for a chat session: a command that says with its exit status whether it is met',
    params: () =>
      z.object({
        session_id: sessionId(),
        /** Preferred over the fields beside it. */
        goal: chatGoal().nullish(),
        check: goalCheck().nullish(),
        max_iterations: z.number().nullish(),
      }),
    result: () => z.object({ set: z.literal(true), goal: chatGoalState() }),
    access: 'client',
    effect: 'write',
    takesCommand: true,
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'goal.status': method({
    summary: 'The goal of a session and how far its turns came, or all of them',
    params: () => z.object({ session_id: z.string().nullish() }),
    result: () =>
      z.union([
        z.object({ session_id: z.string(), goal: chatGoalState().nullable() }),
        z.object({ goals: z.array(chatGoalState()) }),
      ]),
    access: 'client',
    effect: 'read',
    section,
  }),
  'goal.clear': method({
    summary: 'Forget the goal of a session, or all of them; a turn under way goes on',
    params: () => z.object({ session_id: z.string().nullish() }),
    result: () =>
      z.union([z.object({ cleared: z.boolean(), session_id: z.string() }), z.object({ cleared: z.number() })]),
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'goal.suggest': method({
    summary: 'A check for a prompt, told from the files of a project; nothing of it is run',
    params: () =>
      z.object({
        prompt: text().nullish(),
        objective: text().nullish(),
        /** Nothing is read without one, and nothing outside it. Not for agents. */
        working_dir: folder().nullish(),
        cwd: folder().nullish(),
        session_id: sessionId().nullish(),
        /** Stores what was suggested as `goal.set` does; needs `session_id`. Not for agents. */
        set: z.boolean().nullish(),
      }),
    result: () =>
      z.object({
        suggested: z.boolean(),
        goal: z
          .object({ check: z.string(), max_iterations: z.number(), working_dir: z.string().optional() })
          .nullable(),
        confidence: z.enum(['high', 'medium', 'none']),
        rationale: z.string(),
        signals: z.array(z.string()),
        warnings: z.array(z.string()),
        set: z.literal(true).optional(),
        session_id: z.string().optional(),
        stored_goal: chatGoalState().optional(),
      }),
    access: 'session',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
};

export type ChatGoalState = z.output<ReturnType<typeof chatGoalState>>;
