// How an agent is run: one entry of the manifest, with the names the manifest and the wire have.
import type { z } from 'zod';
import type { agentLimits } from '@car-runtime/protocol';

export type RestartPolicy = 'never' | 'on_failure' | 'always';
export type AgentLimits = z.infer<ReturnType<typeof agentLimits>>;

export interface AgentSpec {
  readonly id: string;
  readonly name: string;
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  readonly max_restarts: number;
  readonly backoff_secs: number;
  readonly auto_start: boolean;
  readonly pass_daemon_token?: boolean;
  readonly capabilities?: readonly string[];
  readonly sha256?: string;
  readonly inherit_env?: readonly string[];
  readonly limits?: AgentLimits;
  readonly token: string;
}

/** What a client or a manifest says; null is the same as absent. */
export type SpecInput = {
  readonly [Key in Exclude<keyof AgentSpec, 'id' | 'name' | 'command'>]?: AgentSpec[Key] | null | undefined;
} & { readonly id: string; readonly name: string };

/** A spec with the defaults of what is not given. An empty token is to be minted or kept by whoever stores it. */
export function toSpec(input: SpecInput, command: string): AgentSpec {
  const { cwd, pass_daemon_token, capabilities, sha256, inherit_env, limits } = input;
  return {
    id: input.id,
    name: input.name,
    command,
    args: input.args ?? [],
    ...(cwd != null && { cwd }),
    env: input.env ?? {},
    restart: input.restart ?? 'on_failure',
    max_restarts: input.max_restarts ?? 10,
    backoff_secs: input.backoff_secs ?? 5,
    auto_start: input.auto_start ?? false,
    ...(pass_daemon_token === true && { pass_daemon_token }),
    ...(capabilities != null && { capabilities }),
    ...(sha256 != null && { sha256: sha256.toLowerCase() }),
    ...(inherit_env != null && { inherit_env }),
    ...(limits != null && { limits }),
    token: input.token ?? '',
  };
}
