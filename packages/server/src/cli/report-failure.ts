// What a command that failed tells people (or programs, with --json) on standard error.
import {
  AuthenticationError,
  CannotConnectError,
  CarError,
  InsecureEndpointError,
  RequestTimeoutError,
  UnprovenServerError,
} from '@car-runtime/client';
import { exitCode, UsageError } from './exit-codes.ts';
import { paint, shown, talk } from './terminal.ts';

/** Says what went wrong; returns the exit status. */
export function reportFailure(error: unknown, isJson: boolean): number {
  const { message } = error instanceof Error ? error : new Error(String(error));
  if (isJson) talk(JSON.stringify({ error: { message, ...detailsOf(error) } }));
  else {
    talk(`${paint('red', 'car:', process.stderr)} ${shown(message)}${codeText(error)}`);
    const hint = hintFor(error);
    if (hint !== undefined) talk(paint('dim', `     ${hint}`, process.stderr));
  }
  return error instanceof UsageError ? exitCode.usage : exitCode.failed;
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

function hintFor(error: unknown): string | undefined {
  if (error instanceof CannotConnectError)
    return 'Is the daemon running? "car-server" starts one, "car doctor" looks for the cause';
  if (error instanceof AuthenticationError)
    return 'The token may be another daemon\'s: see "car token path" and CAR_AUTH_TOKEN';
  if (error instanceof UnprovenServerError)
    return 'Use the Unix socket, or --insecure-unproven if you know who answers there';
  if (error instanceof InsecureEndpointError) return 'See --insecure-remote';
  if (error instanceof RequestTimeoutError) return 'The daemon may still be working on it';
  if (error instanceof UsageError) return 'See "car --help"';
  return undefined;
}
