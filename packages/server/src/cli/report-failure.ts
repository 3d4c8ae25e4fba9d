// What a command that failed tells people (or programs, with --json) on standard error.
import {
  AuthenticationError,
  CannotConnectError,
  CarError,
  InsecureEndpointError,
  RequestTimeoutError,
  UnprovenServerError,
} from '@car-runtime/client';
import { commandName } from '../command-name.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { isNobodyThere } from './nobody-there.ts';
import { paint, shown, talk } from './terminal.ts';

/** Says what went wrong; resolves with the exit status. */
export async function reportFailure(error: unknown, isJson: boolean): Promise<number> {
  const message = messageOf(error);
  if (isJson) talk(JSON.stringify({ error: { message, ...detailsOf(error) } }));
  else {
    talk(`${paint('red', 'car:', process.stderr)} ${shown(message)}${codeText(error)}`);
    const hint = await hintFor(error);
    if (hint !== undefined) talk(paint('dim', `     ${hint}`, process.stderr));
  }
  return error instanceof UsageError ? exitCode.usage : exitCode.failed;
}

/** In the words of the command line, where the client speaks of its options. */
function messageOf(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error));
  return message
    .replace('set allowInsecureRemote', 'give --insecure-remote')
    .replace('set allowUnproven', 'give --insecure-unproven');
}

function detailsOf(error: unknown): Record<string, unknown> {
  if (error instanceof CarError) {
    const { method, code, reason, data } = error;
    return { method, code, ...(reason !== undefined && { reason }), ...(data !== undefined && { data }) };
  }
  return error instanceof Error ? { kind: error.name } : {};
}

function codeText(error: unknown): string {
  if (!(error instanceof CarError)) return '';
  const { code, reason } = error;
  return paint('dim', ` (${code}${reason === undefined ? '' : ` ${shown(reason)}`})`, process.stderr);
}

async function hintFor(error: unknown): Promise<string | undefined> {
  const car = commandName('car');
  if (error instanceof CannotConnectError) {
    return isNobodyThere(error)
      ? `Is the daemon running? "${commandName('car-server')}" starts one, "${car} doctor" looks for the cause`
      : `Something is there that does not let car in as a daemon does: see the address, and "${car} doctor"`;
  }
  if (error instanceof AuthenticationError)
    return `The token may be another daemon's: see "${car} token path" and CAR_AUTH_TOKEN`;
  if (error instanceof UnprovenServerError)
    return 'Use the Unix socket, or --insecure-unproven if you know who answers there';
  if (error instanceof InsecureEndpointError && /must start with/.test(error.message))
    return 'The address of a daemon is the ws=… of its ready line, such as ws://127.0.0.1:9100';
  if (error instanceof RequestTimeoutError) {
    return error.message.startsWith('No answer to connect ')
      ? 'Something takes connections there and does not answer as a daemon does'
      : 'The daemon may still be working on it';
  }
  if (error instanceof UsageError) return await usageHint(error, car);
  return undefined;
}

async function usageHint({ message, command }: UsageError, car: string): Promise<string> {
  const see = `See "${[car, command, '--help'].filter(Boolean).join(' ')}"`;
  const [, word] = /^unknown command '([\w.]*\.[\w.]*)'/.exec(message) ?? [];
  if (command !== '' || word === undefined) return see;
  const { methodsLike } = await import('./methods-like.ts');
  const [method] = methodsLike(word);
  return method === undefined ? see : `Did you mean: ${car} call ${method}?`;
}
