// Which URLs a credential may be sent to. The host is judged as the platform's URL parser read it, the same parser that
// the connection uses: `127.evil.com` is a name, `0x7f.1` is an address.
import { InsecureEndpointError } from './errors.ts';

export interface EndpointPolicy {
  /** Whether a credential will be sent there. */
  hasCredential: boolean;
  /** Accepts plain `ws://` to another machine, where anybody on the way can read the credential. */
  allowInsecureRemote?: boolean | undefined;
}

/** The URL in the parser's own spelling, or `InsecureEndpointError`. The text of a refused URL is not repeated: it may
 *  hold a secret. */
export function checkEndpoint(url: string, { hasCredential, allowInsecureRemote }: EndpointPolicy): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) throw new InsecureEndpointError('Cannot connect: the URL cannot be parsed');
  const { protocol, hostname } = parsed;
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw new InsecureEndpointError(`Cannot connect: the URL must start with ws:// or wss://, not ${protocol}`);
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw new InsecureEndpointError('Cannot connect: the URL holds a user name or password');
  // `href`, since an empty query or fragment leaves no trace in `search` and `hash`.
  if (/[?#]/.test(parsed.href))
    throw new InsecureEndpointError(
      'Cannot connect: the URL has a query or a fragment; credentials are never part of a URL',
    );
  if (hasCredential && protocol === 'ws:' && !isLoopbackHost(hostname) && !allowInsecureRemote) {
    throw new InsecureEndpointError(
      `Cannot send a credential to ${hostname} over plain ws://: it is another machine; use wss://, or set allowInsecureRemote`,
    );
  }
  return parsed.href;
}

/** Whether a host, as `URL.hostname` spells it, is this machine: 127.0.0.0/8, ::1, their mapped form, `localhost`. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname) ||
    /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(hostname)
  );
}
