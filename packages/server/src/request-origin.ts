// What a request says about where it came from, beyond Host and Origin.
import type { IncomingMessage } from 'node:http';

export function isThroughProxy({ headers }: IncomingMessage): boolean {
  return Object.keys(headers).some(
    (name) => name === 'forwarded' || name === 'via' || name.startsWith('x-forwarded-') || name === 'x-real-ip',
  );
}

/** Browsers say so even where they send no Origin. */
export function isFromOtherSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}
