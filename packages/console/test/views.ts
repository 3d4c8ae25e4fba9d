// Every view of the console, for the tests that hold all of them to the same: add yours here.
import { join } from 'node:path';
import type { Client } from '@car-runtime/client';
import type { Clients } from './open-console.ts';

export interface ViewUnderTest {
  name: string;
  /** Behind `#/`; of what was prepared. */
  path: (ids: Ids) => string;
  /** There once the view shows its content. */
  ready: string;
}

export interface Ids {
  runId: string;
  approvalId: string;
  planDigest: string;
  clientId: string;
}

export const viewsUnderTest: readonly ViewUnderTest[] = [
  { name: 'now', path: () => 'now', ready: 'car-now section[aria-label=Approvals]' },
  { name: 'approvals', path: () => 'approvals', ready: 'car-approval-card pre' },
  { name: 'an approval', path: ({ approvalId }) => `approvals/${approvalId}`, ready: 'car-approval-card pre' },
  { name: 'runs', path: () => 'runs', ready: 'car-runs a' },
  { name: 'a run', path: ({ runId }) => `run/${runId}`, ready: 'car-run h1' },
  { name: 'a turn', path: ({ runId }) => `run/${runId}/1`, ready: 'car-run-detail car-value' },
  { name: 'two runs', path: ({ runId }) => `run/${runId}?against=${runId}`, ready: 'car-run-compare table' },
  { name: 'agents', path: () => 'agents', ready: 'car-agents h1' },
  { name: 'an agent', path: () => 'agent/talker', ready: 'car-agent-overview pre' },
  { name: 'the log of an agent', path: () => 'agent/talker/logs', ready: 'car-agent-logs .line' },
  { name: 'a chat', path: () => 'agent/talker/chat', ready: 'car-agent-chat car-chat-composer' },
  { name: 'memory', path: () => 'memory', ready: 'car-memory-fact ol.timeline li' },
  { name: 'events', path: () => 'events', ready: 'car-events .event' },
  { name: 'a plan', path: ({ planDigest }) => `approvals/plan/${planDigest}`, ready: 'car-approval-plan li' },
  { name: 'rules', path: () => 'rules', ready: 'car-rules .session' },
  {
    name: 'the rules of a session',
    path: ({ clientId }) => `rules/${clientId}`,
    ready: 'car-rules section[aria-label=Session] h3',
  },
  { name: 'metrics', path: () => 'metrics', ready: 'car-metrics car-plot canvas' },
  { name: 'try it', path: () => 'try/state.set', ready: 'car-try-it form' },
  { name: 'no such view', path: () => 'nowhere', ready: 'main p' },
];

const hostile = '<img src=x onerror=alert(1)> \u202E\u200B';

/** Something of everything that views show. */
export async function fillDaemon({ agent, host }: Clients): Promise<Ids> {
  await startTalker(host);
  const { id: approvalId } = await agent.host.request_approval({ action: `ask ${hostile}`, system_level: true });
  const { run_id: runId } = await agent.runs.start({ intent: `a run ${hostile}`, agent_name: 'one' });
  await agent.proposal.submit({
    proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'count', parameters: { text: hostile } }] },
  });
  const { admission } = await agent.proposal.submit({
    proposal: {
      actions: ['one', 'two'].map((text) => ({
        id: text,
        type: 'tool_call' as const,
        tool: 'count',
        parameters: { command: `curl https://example.org/${text}`, text: hostile },
      })),
    },
  });
  await agent.memory.add_fact({ subject: `a fact ${hostile}`, body: 'first', fact_id: 'one', origin: 'web' });
  await agent.memory.add_fact({ subject: `a fact ${hostile}`, body: hostile, fact_id: 'two', supersedes: 'one' });
  await agent.memory.add_fact({ subject: 'another', body: 'x', depends_on: ['two'] });
  await agent.policy.register({ name: `no ${hostile}`, rule: 'deny_tool', target: hostile });
  await agent.supervision.subscribe({ filter: { tools: [hostile] } });
  await host.agent_permissions.set({ agent_id: hostile, mode: 'deny', tier: 'full_access' });
  await host.budget.set({ name: 'daily', per: 'day', agent: hostile, limits: { tool_calls: 5, cost_usd: 1 } });
  const { session_id: clientId } = await agent.session.init();
  await agent.host.register_agent({ name: `agent ${hostile}`, kind: 'test', id: 'one' });
  return { runId, approvalId, planDigest: admission?.plan_digest ?? '', clientId };
}

export const talkingAgent = join(import.meta.dirname, 'talking-agent.ts');

/** An agent that the daemon runs, attached when this resolves. */
export async function startTalker(host: Client, name = 'talker'): Promise<void> {
  await host.agents.upsert({ id: 'talker', name, command: process.execPath, args: [talkingAgent], auto_start: true });
  const changes = host.events('agents.watch.event');
  await host.agents.watch({});
  await host.agents.start({ id: 'talker' });
  for await (const { kind, agent_id } of changes) if (kind === 'attached' && agent_id === 'talker') break;
}
