// Every view of the console, for the tests that hold all of them to the same: add yours here.
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
}

export const viewsUnderTest: readonly ViewUnderTest[] = [
  { name: 'now', path: () => 'now', ready: 'car-now section[aria-label=Approvals]' },
  { name: 'approvals', path: () => 'approvals', ready: 'car-approval-card pre' },
  { name: 'an approval', path: ({ approvalId }) => `approvals/${approvalId}`, ready: 'car-approval-card pre' },
  { name: 'runs', path: () => 'runs', ready: 'car-runs a' },
  { name: 'a run', path: ({ runId }) => `run/${runId}`, ready: 'car-run h1' },
  { name: 'agents', path: () => 'agents', ready: 'car-agents h1' },
  { name: 'events', path: () => 'events', ready: 'car-events .event' },
  { name: 'try it', path: () => 'try/state.set', ready: 'car-try-it form' },
  { name: 'no such view', path: () => 'nowhere', ready: 'main p' },
];

const hostile = '<img src=x onerror=alert(1)> \u202E\u200B';

/** Something of everything that views show. */
export async function fillDaemon({ agent }: Clients): Promise<Ids> {
  const { id: approvalId } = await agent.host.request_approval({ action: `ask ${hostile}`, system_level: true });
  const { run_id: runId } = await agent.runs.start({ intent: `a run ${hostile}`, agent_name: 'one' });
  await agent.proposal.submit({
    proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'count', parameters: { text: hostile } }] },
  });
  await agent.proposal.submit({
    proposal: {
      actions: ['one', 'two'].map((text) => ({
        id: text,
        type: 'tool_call' as const,
        tool: 'count',
        parameters: { command: `curl https://example.org/${text}`, text: hostile },
      })),
    },
  });
  await agent.host.register_agent({ name: `agent ${hostile}`, kind: 'test', id: 'one' });
  return { runId, approvalId };
}
