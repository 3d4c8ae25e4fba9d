// Notices a connection that died without a word: a laptop that slept, a router that forgot. Whoever holds a call would
// wait for its answer for ever.
import { RequestTimeoutError, type Peer } from '@car-runtime/rpc';
import { isLoopbackHost } from './endpoint.ts';
import { clientVersion, wireProtocolVersion } from './link.ts';

/** Every daemon answers it, at any time and as often as it is asked; also one that does not know it. */
const probeMethod = 'server.handshake';
const probeParams = { protocol_version: wireProtocolVersion, client_version: clientVersion };

/** Asks every `intervalMs`, and cuts the connection when an answer takes longer than that. */
export function startHeartbeat(peer: Peer, intervalMs: number): Disposable {
  const probe = (): void => {
    peer.request(probeMethod, probeParams, { timeoutMs: intervalMs }).catch((error: unknown) => {
      if (error instanceof RequestTimeoutError) peer.channel.terminate(`no answer for ${intervalMs} ms`);
      // Any other error is an answer, or the end of the connection, which is reported by itself.
    });
  };
  const timer = setInterval(probe, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Whether a connection can die unnoticed: only across a network. On one machine a daemon that does not answer is
 *  stopped or busy, and will go on. */
export function needsHeartbeat(endpoint: string): boolean {
  return (
    URL.canParse(endpoint) && /^wss?:$/.test(new URL(endpoint).protocol) && !isLoopbackHost(new URL(endpoint).hostname)
  );
}
