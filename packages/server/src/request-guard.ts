// The check before every HTTP route and every upgrade (Listeners, GET /auth-token): who the request says it is for
// (Host) and which page sent it (Origin). It is what keeps a web page in the user's browser out, by DNS rebinding or
// across sites. Pure; forwarded headers play no part in it.
import { isIPv6 } from 'node:net';

export interface RequestHead {
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
}

export interface GuardRules {
  /** Exact values of `Host`, lower case; `undefined` on a Unix socket, where the header means nothing. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** Exact values of `Origin`. A request without one is no browser's and passes. */
  readonly origins: ReadonlySet<string>;
}

export type Refusal = 'host' | 'authority' | 'origin';

export const refusalTexts: Readonly<Record<Refusal, string>> = {
  host: 'Refused: the Host header is not a name of this daemon (see --allow-host)',
  authority: 'Refused: the request line names another authority than the Host header',
  origin: 'Refused: web pages of this Origin may not connect (see --allow-origin)',
};

/** Why the request must be answered with 403, or `undefined` when it may go on. */
export function refusalOf(head: RequestHead, rules: GuardRules): Refusal | undefined {
  const hosts: string[] = [];
  const origins: string[] = [];
  for (let index = 0; index + 1 < head.rawHeaders.length; index += 2) {
    const name = (head.rawHeaders[index] as string).toLowerCase();
    const value = head.rawHeaders[index + 1] as string;
    if (name === 'host') hosts.push(value);
    // The name of the header in the drafts before RFC 6455, which `ws` still takes as version 8.
    else if (name === 'origin' || name === 'sec-websocket-origin') origins.push(value);
  }
  if (rules.hosts) {
    const host = hosts[0]?.toLowerCase();
    if (hosts.length !== 1 || host === undefined || !rules.hosts.has(host)) return 'host';
    if (!namesSameAuthority(head.url ?? '', host)) return 'authority';
  }
  if (origins.length === 0) return undefined;
  const [origin] = origins;
  return origins.length === 1 && origin !== undefined && rules.origins.has(origin) ? undefined : 'origin';
}

/** An absolute-form request line overrides Host (RFC 9112, 3.2.2), so both must say the same. */
function namesSameAuthority(url: string, host: string): boolean {
  if (url.startsWith('/') || url === '*') return true;
  const [, authority] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url) ?? [];
  return authority?.toLowerCase() === host;
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

export interface GuardNames {
  /** Where the listener is bound. */
  host: string;
  port: number;
  /** Where the console is served, whose pages may connect. */
  httpHost: string;
  httpPort: number;
  allowHosts: readonly string[];
  allowOrigins: readonly string[];
}

/** The rules of a TCP listener. */
export function tcpRules({ host, port, httpHost, httpPort, allowHosts, allowOrigins }: GuardNames): GuardRules {
  const names = isWildcard(host) ? loopbackNames : [...loopbackNames, bracketed(host)];
  const hosts = new Set(names.map((name) => `${name}:${port}`));
  if (port === 80) for (const name of names) hosts.add(name);
  for (const each of allowHosts) {
    hosts.add(each);
    if (!hasPort(each)) hosts.add(`${each}:${port}`);
  }
  const own = [...loopbackNames, bracketed(httpHost)].map((name) => new URL(`http://${name}:${httpPort}`).origin);
  return { hosts, origins: new Set([...own, ...allowOrigins]) };
}

/** A Unix socket is reached by file permission, never by a browser: no Host to check, no Origin to accept. */
export const unixSocketRules: GuardRules = { hosts: undefined, origins: new Set() };

/** An IP address as it is written in a URL. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function hasPort(host: string): boolean {
  return /:\d+$/.test(host);
}
