import type { CannotConnectError } from '@car-runtime/client';

/** Whether the operating system said at every place that nobody listens there. Any other failure may come from somebody
 *  who does. */
export function isNobodyThere({ message }: CannotConnectError): boolean {
  // One part for each place that was tried, in the words of the system.
  const [, ...parts] = message.split('Cannot connect to ');
  return parts.length > 0 && parts.every((part) => /\b(?:ECONNREFUSED|ENOENT)\b/.test(part));
}
