// The client for browsers, and for anything else that has only the platform's WebSocket. It loads neither Node modules
// nor the contract's schemas.
import { openWebChannel, type Channel } from '@car-runtime/rpc';
import { createChannelLinkSource, credentialOf, type ChannelLinkOptions } from './channel-link.ts';
import { openClient, type Client } from './client.ts';
import type { ClientOptions } from './client-core.ts';
import { checkEndpoint } from './endpoint.ts';
import { UnprovenServerError } from './errors.ts';
import type { LinkSource } from './link.ts';

/** Everything `connect` takes in a browser. */
export interface ConnectOptions extends ClientOptions, ChannelLinkOptions {
  /** `ws://…` or `wss://…`. Never take it from the page's own address: whoever makes the link would get the token. */
  url?: string;
  /** WebSocket subprotocols. */
  protocols?: string[];
  /** Makes the connections instead of `url`. */
  channel?: () => Channel | Promise<Channel>;
  /** Sends a credential over plain `ws://` although a page cannot see whether the daemon proved itself. */
  allowUnproven?: boolean;
  /** Sends a credential over plain `ws://` to another machine. */
  allowInsecureRemote?: boolean;
}

/** Connects, authenticates where a credential is given, agrees on the protocol, and returns the client. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const source = options.channel ? createChannelLinkSource(options.channel, options) : createWebLinkSource(options);
  return await openClient(source, options);
}

function createWebLinkSource(options: ConnectOptions): LinkSource {
  return {
    isCredentialRenewable: typeof (options.hostToken ?? options.token) === 'function',
    open: async () => {
      if (options.url === undefined) throw new TypeError('Cannot connect: give url or channel');
      const credential = await credentialOf(options);
      const url = checkEndpoint(options.url, {
        hasCredential: credential !== undefined,
        allowInsecureRemote: options.allowInsecureRemote,
      });
      if (credential && url.startsWith('ws:') && !options.allowUnproven) {
        throw new UnprovenServerError(
          url,
          'a browser cannot check who answers a plain ws:// URL; use wss://, or set allowUnproven',
        );
      }
      return { channel: await openWebChannel(url, options.protocols), endpoint: url, credential };
    },
  };
}

export * from './both.ts';
