// Runs: what an agent did between `runs.start` and `runs.complete`, live and afterwards.
import { z } from 'zod';
import { event, method } from './declare.ts';
import { once } from './once.ts';
import { actionStatus, actionType } from './records.ts';

const section = 'Run tracing, Methods';
const shapes = 'Run tracing, Shapes';

/** Turns of one `runs.record_turns`. */
const maxTurnsPerCall = 256;
const maxSearchResults = 1_000;
/** Where the last run of an answer stands: when it started, in ms, and its id. */
const searchCursor = /^\d{1,16}\/[^/]+$/;
const maxCursorChars = 1_024;

const agentOutcomeStatus = once(() => z.enum(['success', 'partial_success', 'give_up', 'timeout', 'failure', 'done']));

const outcomeMetrics = once(() =>
  z.object({
    turns: z.number(),
    tool_calls: z.number(),
    duration_ms: z.number(),
    retries: z.number(),
    actions_succeeded: z.number(),
    actions_failed: z.number(),
  }),
);

/** Only `status` must be given. */
const agentOutcomeInput = once(() =>
  z
    .object({
      status: agentOutcomeStatus(),
      summary: z.string().nullish(),
      evidence: z.array(z.unknown()).nullish(),
      metrics: z
        .object({
          turns: z.number().nullish(),
          tool_calls: z.number().nullish(),
          duration_ms: z.number().nullish(),
          retries: z.number().nullish(),
          actions_succeeded: z.number().nullish(),
          actions_failed: z.number().nullish(),
        })
        .nullish(),
      timestamp: z.string().nullish(),
    })
    .meta({ id: 'AgentOutcomeInput' }),
);

const agentOutcome = once(() =>
  z
    .object({
      status: agentOutcomeStatus(),
      summary: z.string(),
      evidence: z.array(z.unknown()),
      metrics: outcomeMetrics(),
      timestamp: z.string(),
    })
    .meta({ id: 'AgentOutcome' }),
);

const runTermination = once(() =>
  z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('outcome'), outcome: agentOutcome() }),
      z.object({ kind: z.literal('incomplete') }),
    ])
    .meta({ id: 'RunTermination' }),
);

const runStarted = once(() =>
  z
    .object({
      record: z.literal('started'),
      run_id: z.string(),
      agent_id: z.string(),
      intent: z.string(),
      outcome_description: z.string().optional(),
      started_at: z.string(),
    })
    .meta({ id: 'RunStarted' }),
);

/** Ours: an action of a plan. */
const planAction = once(() => ({
  /** Unique in its plan. */
  id: z.string(),
  type: actionType(),
  /** Ids of the actions of the plan that it waits for. */
  after: z.array(z.string()),
  status: actionStatus(),
  /** Absent while it has not begun, and where it never does. */
  started_at: z.string().optional(),
  duration_ms: z.number().optional(),
  /** Where there was more than one. */
  attempts: z.number().optional(),
  /** Gates of the admission and policies that refused it. */
  refused_by: z.array(z.string()).optional(),
}));

const runTurnAction = once(() =>
  z
    .object({
      proposal_id: z.string(),
      /** Of the plan: before people were asked. */
      submitted_at: z.string().optional(),
      ...planAction(),
      rolled_back: z.literal(true).optional(),
    })
    .meta({ id: 'RunTurnAction' }),
);

const runningPlan = once(() =>
  z
    .object({
      proposal_id: z.string(),
      submitted_at: z.string(),
      /** In the order of the plan. */
      actions: z.array(z.object({ ...planAction(), tool: z.string().optional() })),
      /** So many more there was no room for. */
      actions_omitted: z.number().optional(),
    })
    .meta({ id: 'RunningPlan' }),
);

const runTurn = once(() =>
  z
    .object({
      record: z.literal('turn'),
      index: z.number(),
      prompt: z.string().optional(),
      tool: z.string().optional(),
      parameters: z.unknown().optional(),
      output: z.unknown().optional(),
      cli_outcome: z.unknown().optional(),
      verifier_verdict: z.string(),
      policy_rejected: z.boolean().optional(),
      /** Ours: when the daemon took the turn. */
      recorded_at: z.string().optional(),
      /** Ours: the action that the turn is, where it is one of a plan. */
      action: runTurnAction().optional(),
    })
    .meta({ id: 'RunTurn' }),
);

const runEnded = once(() =>
  z
    .object({
      record: z.literal('ended'),
      run_id: z.string(),
      agent_id: z.string(),
      termination: runTermination(),
      ended_at: z.string(),
      /** Ours: so many turns at the end of the run never reached the store, which refused them for too long. */
      lost_turns: z.number().optional(),
    })
    .meta({ id: 'RunEnded' }),
);

/** Ours: events from cursor `from` to cursor `to` were dropped for this subscriber, which was too slow. */
const runGap = once(() =>
  z.object({ record: z.literal('gap'), from: z.number(), to: z.number() }).meta({ id: 'RunGap' }),
);

const runRecord = once(() =>
  z.discriminatedUnion('record', [runStarted(), runTurn(), runEnded()]).meta({ id: 'RunRecord' }),
);

const runLiveStatus = once(() => z.enum(['in_progress', 'completed', 'incomplete']));

const runSummary = once(() =>
  z
    .object({
      run_id: z.string(),
      agent_id: z.string(),
      intent: z.string(),
      started_at: z.string(),
      /** Present once the run has ended. */
      ended_at: z.string().optional(),
      status: runLiveStatus(),
      turn_count: z.number(),
      /** Ours: what its agent said of how it ended; absent while it goes on, and where nobody completed it. */
      outcome: agentOutcomeStatus().optional(),
    })
    .meta({ id: 'RunSummary' }),
);

/** A turn as a caller writes it. `index` is the daemon's to give, whatever is said here. */
const runTurnInput = once(() =>
  z
    .object({
      index: z.unknown().optional(),
      prompt: z.string().nullish(),
      tool: z.string().nullish(),
      parameters: z.unknown().optional(),
      output: z.unknown().optional(),
      cli_outcome: z.unknown().optional(),
      verifier_verdict: z.string().nullish(),
      policy_rejected: z.boolean().nullish(),
    })
    .meta({ id: 'RunTurnInput' }),
);

/** Ours: the store refused what was recorded, and keeps it to try again; a crash would lose it. */
const persisted = once(() => ({ persisted: z.literal(false).optional() }));

export const runs = {
  'runs.start': method({
    summary: 'Open a run; plans this connection submits are recorded in it until it is completed',
    params: () =>
      z.object({
        intent: z.string().min(1),
        agent_id: z.string().nullish(),
        agent_name: z.string().nullish(),
        outcome_description: z.string().nullish(),
        /** Becomes the run id. A run of that id is not opened again. */
        idempotency_key: z.string().nullish(),
      }),
    result: () => z.object({ run_id: z.string(), agent_id: z.string(), ...persisted() }),
    access: 'session',
    ownership: 'subject',
    effect: 'write',
    errors: ['failed', 'forbidden', 'invalid_params', 'overloaded'],
    section,
  }),
  'runs.complete': method({
    summary: 'End a run with its outcome',
    params: () => z.object({ run_id: z.string(), outcome: agentOutcomeInput() }),
    result: () => z.object({ run_id: z.string(), ok: z.literal(true), ...persisted() }),
    access: 'session',
    ownership: 'runEnder',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'runs.record_turns': method({
    summary: 'Append turns to a run of the calling agent; all of them or, with `dropped`, none',
    params: () => z.object({ run_id: z.string().min(1), turns: z.array(runTurnInput()).min(1).max(maxTurnsPerCall) }),
    invalidParamsText: 'runs.record_turns requires { run_id, turns: [RunTurn] }',
    result: () =>
      z.object({
        run_id: z.string(),
        base_index: z.number(),
        count: z.number(),
        ok: z.boolean(),
        dropped: z.enum(['run_not_found', 'run_terminal', 'run_turn_limit', 'turn_too_large']).optional(),
        ...persisted(),
      }),
    access: 'session',
    ownership: 'runWriter',
    effect: 'write',
    errors: ['invalid_params'],
    section,
  }),
  'runs.subscribe': method({
    summary: 'The turns of a run so far, and runs.trace.event for every record that follows',
    params: () =>
      z.object({
        run_id: z.string(),
        /** Ours: only the turns behind this cursor; the subscriber is told of gaps from then on. */
        after: z.int().min(0).nullish(),
      }),
    result: () =>
      z.object({
        run_id: z.string(),
        agent_id: z.string(),
        turns_so_far: z.array(runTurn()),
        /** The number of turns so far: the next turn carries one more. */
        cursor: z.number(),
        status: runLiveStatus(),
        /** With `after` only. `replayed`: the turns behind it. `snapshot`: all turns, as nothing was seen before. `reset`: all
         *  turns, as the run has fewer than that; what was seen before is void. */
        delivery: z.enum(['replayed', 'snapshot', 'reset']).optional(),
        /** With `after` only: the end of a run that has ended. It comes as no event any more. */
        ended: runEnded().optional(),
      }),
    access: 'session',
    ownership: 'runReader',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'runs.unsubscribe': method({
    summary: 'Stop the events of a run; removed says whether there was a subscription',
    params: () => z.object({ run_id: z.string() }),
    result: () => z.object({ run_id: z.string(), removed: z.boolean() }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'runs.list': method({
    summary: 'The runs of an agent, newest first',
    params: () => z.object({ agent_id: z.string() }),
    result: () => z.object({ agent_id: z.string(), runs: z.array(runSummary()) }),
    access: 'session',
    ownership: 'runReader',
    effect: 'read',
    errors: ['forbidden'],
    section,
  }),
  'runs.get_trace': method({
    summary: 'The records of a run from an offset on; the first record is `started`',
    params: () => z.object({ run_id: z.string(), cursor: z.int().min(0).nullish() }),
    result: () =>
      z.union([
        z.object({
          run_id: z.string(),
          agent_id: z.string(),
          records: z.array(runRecord()),
          /** The offset that was applied. */
          cursor: z.number(),
          /** Ours: there is more than one answer holds; ask again from here. */
          next_cursor: z.number().optional(),
          /** Ours: so many turns at the end of the run never reached the store. */
          lost_turns: z.number().optional(),
        }),
        z.object({ run_id: z.string(), not_found: z.literal(true) }),
      ]),
    access: 'session',
    ownership: 'runReader',
    effect: 'read',
    errors: ['forbidden'],
    section,
  }),
  'runs.plans': method({
    summary: 'The plans of a run that are under way, and how far each action has come; recorded ones are turns',
    params: () => z.object({ run_id: z.string() }),
    result: () => z.object({ run_id: z.string(), plans: z.array(runningPlan()) }),
    access: 'session',
    ownership: 'runReader',
    effect: 'read',
    errors: ['failed', 'forbidden'],
    section,
    isExtension: true,
  }),
  'runs.search': method({
    summary: 'Runs by agent, text, status and time, newest first; without the host role, of the calling agent only',
    params: () =>
      z.object({
        agent_id: z.string().nullish(),
        /** Found anywhere in the intent, the description of the outcome, or the summary of the outcome, whatever the case. */
        text: z.string().max(1_000).nullish(),
        status: runLiveStatus().nullish(),
        /** Runs that started then or later. */
        since: z.iso.datetime({ offset: true, error: 'not an RFC 3339 date and time' }).nullish(),
        limit: z.int().min(1).max(maxSearchResults).default(50),
        /** `next` of an earlier answer to the same question: what follows it. Runs that started since are not in it. */
        after: z.string().max(maxCursorChars).regex(searchCursor, 'not the next of an earlier answer').nullish(),
      }),
    result: () =>
      z.object({
        runs: z.array(runSummary()),
        /** There are more; absent behind the last. */
        next: z.string().optional(),
      }),
    access: 'session',
    effect: 'read',
    errors: ['forbidden'],
    section,
    isExtension: true,
  }),
  'runs.diff': method({
    summary: 'The first turn in which two runs part; null when the shorter begins like the longer and both are as long',
    params: () => z.object({ a: z.string(), b: z.string() }),
    result: () =>
      z.object({
        a: z.string(),
        b: z.string(),
        turns_a: z.number(),
        turns_b: z.number(),
        /** The turn, and the fields that differ in it; where one run has no such turn, the other's is there alone. */
        first_difference: z
          .object({
            index: z.number(),
            fields: z.array(z.string()),
            turn_a: runTurn().optional(),
            turn_b: runTurn().optional(),
          })
          .nullable(),
      }),
    access: 'session',
    ownership: 'runReader',
    effect: 'read',
    errors: ['failed', 'forbidden'],
    section,
    isExtension: true,
  }),
  'runs.export': method({
    summary: 'A run as OTLP/JSON traces with the GenAI conventions: invoke_agent, and execute_tool for each tool turn',
    params: () =>
      z.object({
        run_id: z.string(),
        /** Adds intent, prompts, parameters, outputs and summary. Default false. */
        include_content: z.boolean().default(false),
      }),
    result: () =>
      z.object({ run_id: z.string(), format: z.literal('otlp-json'), otlp: z.record(z.string(), z.unknown()) }),
    access: 'session',
    ownership: 'runReader',
    effect: 'read',
    errors: ['failed', 'forbidden'],
    section,
    isExtension: true,
  }),
};

export const runEvents = {
  'runs.trace.event': event({
    summary: 'A record was added to a run',
    params: () =>
      z.object({
        run_id: z.string(),
        agent_id: z.string(),
        /** `gap` only for subscribers that sent `after`: subscribe again after this event's cursor. */
        record: z.discriminatedUnion('record', [runStarted(), runTurn(), runEnded(), runGap()]),
        /** Turns of the run up to and with this record; 0 for `started`. */
        cursor: z.number(),
        /** Of the run once it has this record. */
        status: runLiveStatus(),
      }),
    precondition: '`runs.subscribe`',
    section: shapes,
  }),
};

export type AgentOutcome = z.output<ReturnType<typeof agentOutcome>>;
export type AgentOutcomeInput = z.output<ReturnType<typeof agentOutcomeInput>>;
export type RunTermination = z.output<ReturnType<typeof runTermination>>;
export type RunStarted = z.output<ReturnType<typeof runStarted>>;
export type RunTurn = z.output<ReturnType<typeof runTurn>>;
export type RunTurnAction = z.output<ReturnType<typeof runTurnAction>>;
export type RunningPlan = z.output<ReturnType<typeof runningPlan>>;
export type RunTurnInput = z.output<ReturnType<typeof runTurnInput>>;
export type RunEnded = z.output<ReturnType<typeof runEnded>>;
export type RunRecord = z.output<ReturnType<typeof runRecord>>;
export type RunLiveStatus = z.output<ReturnType<typeof runLiveStatus>>;
export type RunSummary = z.output<ReturnType<typeof runSummary>>;
