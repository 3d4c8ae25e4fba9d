// The client for Node. Browsers get `browser.ts`.
import type { Channel } from '@car-runtime/rpc';
import { openClient, type Client } from './client.ts';
import { createChannelLinkSource, type ChannelLinkOptions } from './channel-link.ts';
import type { ClientOptions } from './client-core.ts';
import { createNodeLinkSource, type NodeLinkOptions } from './node-link.ts';

/** Everything `connect` takes. */
export interface ConnectOptions extends NodeLinkOptions, ClientOptions {
  /** Makes the connections, instead of looking for a daemon: for embedders and tests. Only credentials given here are
   *  presented; nothing is read from the environment or from files. */
  channel?: () => Channel | Promise<Channel>;
}

/** Finds the daemon, authenticates, agrees on the protocol, and returns the client. */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { channel } = options;
  const source = channel
    ? createChannelLinkSource(channel, options satisfies ChannelLinkOptions)
    : createNodeLinkSource(options);
  return await openClient(source, options);
}

export * from './both.ts';
export type { TokenSource } from './node-credentials.ts';
export type { NodeLinkOptions } from './node-link.ts';
export {
  authTokenPath,
  daemonLogPath,
  hostTokenPath,
  RelativeStateRootError,
  resolveStatePath,
  runFolder,
  secondarySocketPath,
  socketPath,
  stateRoot,
  tokenFolder,
  type PathInput,
} from './node-paths.ts';
