// Agents: those the daemon runs, those of this machine it gives tasks to, and the chats and goals of both.
import { AgentService, defaultLogLimits } from '../domains/agents/index.ts';
import { ChatService, type ChatGoals } from '../domains/chat/index.ts';
import type { Journals } from '../domains/events/index.ts';
import { createExternal, type ExternalService } from '../domains/external/index.ts';
import { checkedGoal, createGoals, runGoalCheck, type GoalService } from '../domains/goals/index.ts';
import { ChildRecords } from '../infra/child-records.ts';
import { CommandRunner } from '../infra/command-runner.ts';
import { defaultAgentStopGraceMs } from '../server-state-config.ts';
import type { Ground } from './ground.ts';
import type { People } from './people.ts';
import type { Records } from './records.ts';

export interface Agents {
  readonly agents: AgentService;
  readonly chats: ChatService;
  readonly goals: GoalService;
  readonly external: ExternalService;
  /** Processes of external agents and commands. */
  readonly children: ChildRecords;
}

export function createAgents(ground: Ground, { journals }: Records, { host, approvals }: People): Agents {
  const { config, files, health, logger, opened, auth, attachments, hasStrictRoles } = ground;
  const agents = new AgentService({
    manifestPath: files.agentsManifest,
    stateRoot: files.stateRoot,
    attachments,
    credentials: ground.agentTokens,
    daemonToken: () => auth.authToken,
    hasStrictRoles,
    logLimits: { ...defaultLogLimits, ...config.agentLogLimits },
    stopGraceMs: config.agentStopGraceMs ?? defaultAgentStopGraceMs,
    health,
    logger,
  });
  host.registry.addSource(() => agents.hostAgents());
  const goals = opened.use(createGoals({ path: files.goals, health, logger }));
  const children = new ChildRecords(files.children);
  const commands = opened.use(new CommandRunner({ children }));
  const chats = opened.use(
    new ChatService({
      connectionOf: attachments.connectionOf,
      goals: chatGoals(goals, journals),
      check: (goal, agentId, signal) =>
        runGoalCheck(commands, goal, {
          folder: agents.current().find(({ id }) => id === agentId)?.cwd ?? undefined,
          timeoutMs: config.goalCheckTimeoutMs,
          signal,
        }),
      hasStrictRoles,
      ...config.chat,
    }),
  );
  const external = createExternal({
    ...config.externalAgents,
    stateRoot: files.stateRoot,
    chats,
    approvals,
    secrets: () => auth.secrets,
    children,
    health,
    logger,
  });
  return { agents, chats, goals, external, children };
}

/** The goals of chats, with every verdict in the journal of the host that asked. */
function chatGoals(goals: GoalService, { logOf }: Journals): ChatGoals {
  return {
    checked: checkedGoal,
    standing: (sessionId) => goals.standing(sessionId),
    started: (sessionId, goal) => goals.started(sessionId, checkedGoal(goal)),
    stopped: (sessionId) => goals.stopped(sessionId),
    observed: (event, host) => {
      goals.observed(event);
      if (event.kind !== 'goal_evaluated' || !host) return;
      const { session_id, agent_id, iteration, met, grounded } = event;
      logOf(host).append('goal_evaluated', { data: { session_id, agent_id, iteration, met, grounded } });
    },
  };
}
