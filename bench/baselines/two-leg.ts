// The least a server can do for a proposal whose tools the client answers: parse, call back, put the answers together,
// send. It has as many actions under way at a time as the proposal's context says, whatever they wait for.
import type { WebSocket } from 'ws';
import { listen, type Message } from './listen.ts';

interface Action {
  id: string;
  tool: string;
  parameters: unknown;
}

interface Run {
  id: Message['id'];
  proposal: { id: string; actions: Action[]; context: { at_once: number } };
  results: unknown[];
  called: number;
}

listen((socket) => {
  const waiting = new Map<string, { run: Run; action: Action }>();
  let lastCallback = 0;
  const callNext = (run: Run): void => {
    const action = run.proposal.actions[run.called++] as Action;
    const { id: action_id, tool, parameters } = action;
    const request_id = `cb-${++lastCallback}`;
    waiting.set(request_id, { run, action });
    send(socket, {
      id: request_id,
      method: 'tools.execute',
      params: { action_id, tool, parameters, attempt: 1, request_id },
    });
  };
  return ({ id, method, params, result }) => {
    if (method === 'tools.register') return send(socket, { id, result: 1 });
    if (method === 'proposal.submit') {
      const { proposal } = params as { proposal: Run['proposal'] };
      const run: Run = { id, proposal, results: [], called: 0 };
      for (let count = 0; count < proposal.context.at_once; count++) callNext(run);
      return;
    }
    const { run, action } = waiting.get(id as string) as { run: Run; action: Action };
    waiting.delete(id as string);
    run.results.push(toResult(action, result));
    const { actions } = run.proposal;
    if (run.results.length === actions.length) send(socket, { id: run.id, result: toProposalResult(run) });
    else if (run.called < actions.length) callNext(run);
  };
});

function send(socket: WebSocket, { id, method, params, result }: Message): void {
  socket.send(
    JSON.stringify(method === undefined ? { jsonrpc: '2.0', id, result } : { jsonrpc: '2.0', id, method, params }),
  );
}

/** As many bytes as the daemon's, with no clock behind them. */
function toResult({ id }: Action, output: unknown): unknown {
  const [duration_ms, timestamp] = [0.123456, '2026-01-01T00:00:00.000Z'];
  return { action_id: id, status: 'succeeded', output, error: null, state_changes: {}, duration_ms, timestamp };
}

function toProposalResult({ proposal, results }: Run): unknown {
  const cost = {
    tool_calls: results.length,
    actions_executed: results.length,
    actions_rejected: 0,
    actions_skipped: 0,
  };
  return { proposal_id: proposal.id, results, cost: { ...cost, total_duration_ms: 0.123456, retries: 0 } };
}
