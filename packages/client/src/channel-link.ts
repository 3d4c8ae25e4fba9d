// Connections that somebody else makes: an embedder's own server in the same process, a test, a tunnel.
import type { Channel } from '@car-runtime/rpc';
import type { Credential, LinkSource } from './link.ts';

/** A secret, or where to get it from; asked again for every connection. */
type Secret = string | (() => string | Promise<string>);

export interface ChannelLinkOptions {
  token?: Secret;
  agentId?: string;
  hostToken?: Secret;
  memoryNamespace?: string;
}

/** Whoever makes the channel vouches for its other end, so credentials given here are sent on it. */
export function createChannelLinkSource(
  open: () => Channel | Promise<Channel>,
  options: ChannelLinkOptions,
): LinkSource {
  return {
    isCredentialRenewable: typeof (options.hostToken ?? options.token) === 'function',
    open: async () => {
      const credential = await credentialOf(options);
      const channel = await open();
      return { channel, endpoint: `a ${channel.transport} channel`, credential };
    },
  };
}

/** The one credential form the options spell, or `undefined`. */
export async function credentialOf({
  token,
  agentId,
  hostToken,
  memoryNamespace,
}: ChannelLinkOptions): Promise<Credential | undefined> {
  const namespace = memoryNamespace === undefined ? {} : { memory_namespace: memoryNamespace };
  if (hostToken !== undefined) return { host_token: await read(hostToken), ...namespace };
  if (token !== undefined)
    return { token: await read(token), ...(agentId !== undefined && { agent_id: agentId }), ...namespace };
  return memoryNamespace === undefined ? undefined : namespace;
}

async function read(secret: Secret): Promise<string> {
  return typeof secret === 'string' ? secret : await secret();
}
