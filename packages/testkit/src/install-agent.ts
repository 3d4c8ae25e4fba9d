import { InMemoryAgentCredentials, type ServerState } from '@car-runtime/core';

/** Lets an agent in on a daemon that runs in this process; answers its token. Once for a daemon. */
export function installAgent(state: ServerState, agentId: string): string {
  const agents = new InMemoryAgentCredentials();
  state.installAgentCredentials(agents);
  return agents.issue(agentId);
}
