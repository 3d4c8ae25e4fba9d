// The variables of a supervised process (Agents, Lifecycle). What the daemon itself was started with may hold secrets of
// others, so a child gets what programs need to run at all, what its spec names, and what its spec says.
import type { AgentSpec } from './agent-spec.ts';

const basics = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'HOSTNAME',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'CAR_HOME',
  'CAR_SERVER_SOCKET',
  // Windows finds nothing without these.
  'SYSTEMROOT',
  'SYSTEMDRIVE',
  'COMSPEC',
  'PATHEXT',
  'APPDATA',
  'LOCALAPPDATA',
  'USERPROFILE',
]);
const basicPrefixes = ['LC_', 'XDG_'];
/** Credentials of the daemon itself: a spec gets the token by `pass_daemon_token` alone. */
const neverInherited = new Set(['CAR_AUTH_TOKEN', 'CAR_AUTH_TOKEN_FILE', 'CAR_AGENT_ID', 'CAR_AGENT_TOKEN']);

export interface ChildFacts {
  /** Where the daemon listens, `ws://host:port`. */
  daemonUrl: string | undefined;
  daemonToken: string | undefined;
}

/** Later wins: the daemon's variables, its address, the agent's credentials, the spec's own. */
export function environmentFor(
  spec: AgentSpec,
  { daemonUrl, daemonToken }: ChildFacts,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const wanted = new Set(spec.inherit_env);
  const isPassedOn = (name: string): boolean =>
    !neverInherited.has(name) &&
    (wanted.has(name) ||
      basics.has(name.toUpperCase()) ||
      basicPrefixes.some((prefix) => name.toUpperCase().startsWith(prefix)));
  const inherited = Object.entries(own).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isPassedOn(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    ...(daemonUrl !== undefined && { CAR_DAEMON_URL: daemonUrl }),
    CAR_AGENT_ID: spec.id,
    CAR_AGENT_TOKEN: spec.token,
    ...(spec.pass_daemon_token && daemonToken !== undefined && { CAR_AUTH_TOKEN: daemonToken }),
    ...spec.env,
  };
}
