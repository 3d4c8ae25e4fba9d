// An agent as clients see it: its spec without the token, and beside it how it is doing.
import type { HostAgent, HostAgentStatus, ManagedAgent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { SupervisedAgent } from './supervised-agent.ts';

type Resources = NonNullable<ManagedAgent['resources']>;

export function toManaged(
  agent: SupervisedAgent,
  sessionId: string | undefined,
  resources: Resources | undefined,
): ManagedAgent {
  return {
    ...toPublicSpec(agent.spec),
    status: agent.status,
    pid: agent.pid ?? null,
    last_exit_code: agent.lastExitCode ?? null,
    restart_count: agent.restartCount,
    started_at: agent.startedAtMs === undefined ? null : toSeconds(agent.startedAtMs),
    ...(agent.blockedByPid !== undefined && { blocked_by_pid: agent.blockedByPid }),
    ...attachment(sessionId),
    ...(agent.lastSignal !== undefined && { last_signal: agent.lastSignal }),
    ...(agent.lastError !== undefined && { last_error: agent.lastError }),
    ...(agent.retryAtMs !== undefined && { retry_at: toSeconds(agent.retryAtMs) }),
    ...(resources && agent.pid !== undefined && { resources }),
  };
}

/** An agent that another daemon supervises: nothing is known of it but how it is to be run. */
export function toObserved(spec: AgentSpec): ManagedAgent {
  return {
    ...toPublicSpec(spec),
    status: 'stopped',
    pid: null,
    last_exit_code: null,
    restart_count: 0,
    started_at: null,
    attached: false,
  };
}

function toPublicSpec({ token: _token, args, env, capabilities, inherit_env, ...rest }: AgentSpec) {
  return {
    ...rest,
    args: [...args],
    env: { ...env },
    ...(capabilities && { capabilities: [...capabilities] }),
    ...(inherit_env && { inherit_env: [...inherit_env] }),
  };
}

function attachment(sessionId: string | undefined) {
  return sessionId === undefined ? { attached: false } : { attached: true, session_id: sessionId };
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

const hostStatus: Readonly<Record<ManagedAgent['status'], HostAgentStatus>> = {
  stopped: 'stopped',
  starting: 'running',
  running: 'running',
  backoff: 'errored',
  errored: 'errored',
};

/** What hosts are shown of it. Nobody's connection owns it, whichever it is attached through. */
export function toHostAgent({ id, name, capabilities, status, pid }: ManagedAgent): HostAgent {
  return {
    id,
    name,
    kind: 'supervised',
    capabilities: capabilities ?? [],
    session_id: null,
    status: hostStatus[status],
    pid: pid ?? null,
    metadata: { supervisor_status: status },
  };
}

/** Variables may hold secrets that are another agent's business. */
export function visibleTo(agent: ManagedAgent, { agentId, role }: Connection): ManagedAgent {
  return role !== 'agent' || agent.id === agentId ? agent : { ...agent, env: {} };
}
