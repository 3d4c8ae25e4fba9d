// The variables of a supervised process (Agents, Lifecycle): what programs need to run at all, what its spec names, and what
// its spec says.
import { inherited, isBasic } from '../../infra/child-environment.ts';
import type { AgentSpec } from './agent-spec.ts';

/** Where the daemon is, and where a person keeps settings. */
const alsoPassedOn = /^(?:CAR_HOME|CAR_SERVER_SOCKET|XDG_.*)$/i;

export interface ChildFacts {
  /** Where the daemon listens, `ws://host:port`. */
  daemonUrl: string | undefined;
  daemonToken: string | undefined;
}

/** Later wins: the daemon's variables, its address, the agent's credentials, the spec's own. A spec gets the daemon's token by
 *  `pass_daemon_token` alone. */
export function environmentFor(
  spec: AgentSpec,
  { daemonUrl, daemonToken }: ChildFacts,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const named = new Set(spec.inherit_env);
  return {
    ...inherited(own, (name) => named.has(name) || isBasic(name) || alsoPassedOn.test(name)),
    ...(daemonUrl !== undefined && { CAR_DAEMON_URL: daemonUrl }),
    CAR_AGENT_ID: spec.id,
    CAR_AGENT_TOKEN: spec.token,
    ...(spec.pass_daemon_token && daemonToken !== undefined && { CAR_AUTH_TOKEN: daemonToken }),
    ...spec.env,
  };
}
