import type { verification } from '@car-runtime/protocol';
import {
  equivalent,
  evaluateGoal,
  normalizeProposal,
  optimize,
  simulate,
  StateStore,
  transactionCheck,
  verify,
  verifyMonteCarlo,
  type JsonObject,
  type Proposal,
  type ProposalInput,
} from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import { awaitingEngine, callingEngine } from '../../kernel/engine-errors.ts';
import type { VerificationDependencies } from './index.ts';

export function verificationMethods({ registryOf, storeOf }: VerificationDependencies): Handlers<typeof verification> {
  /** What an analysis starts from: the tools the plan would meet and, unless told otherwise, the state of now. */
  const ground = (connection: Connection, given: JsonObject | null | undefined) => ({
    tools: registryOf(connection),
    initialState: given ?? storeOf(connection).snapshot(),
  });
  return {
    verify: ({ proposal, initial_state }, { connection }) =>
      awaitingEngine(verify(toPlan(proposal), ground(connection, initial_state))),
    'verify.monte_carlo': (
      { proposal, initial_state, tool_success_rates, goal, rate_window_days = 30, config },
      context,
    ) =>
      awaitingEngine(
        verifyMonteCarlo(toPlan(proposal), {
          ...ground(context.connection, initial_state),
          toolSuccessRates: tool_success_rates ?? undefined,
          goal: goal ?? undefined,
          // Nothing records trajectories yet, so history has none of any tool, whatever the window.
          history: { windowDays: rate_window_days, trajectories: 0, tools: {} },
          config,
          signal: context.signal,
        }),
      ),
    simulate: ({ proposal, initial_state }, { connection }) =>
      awaitingEngine(simulate(toPlan(proposal), ground(connection, initial_state))),
    equivalent: ({ left, right, probes }, { connection }) =>
      awaitingEngine(equivalent(toPlan(left), toPlan(right), { tools: registryOf(connection), probes })),
    optimize: ({ proposal, initial_state }, { connection }) => {
      const { initialState } = ground(connection, initial_state);
      return optimize(toPlan(proposal), { initialState });
    },
    transaction_check: ({ proposal, tenant_id }, { connection }) =>
      transactionCheck(toPlan(proposal), storeOf(connection).view(tenant_id)),
    evaluate_goal: ({ goal, state, tenant_id }, { connection }) =>
      evaluateGoal(goal, state ? toStore(state) : storeOf(connection).view(tenant_id)),
  };
}

function toPlan(input: ProposalInput): Proposal {
  return callingEngine(() => normalizeProposal(input));
}

function toStore(state: JsonObject): StateStore {
  const store = new StateStore();
  for (const [key, value] of Object.entries(state)) store.set(key, value);
  return store;
}
