import {
  AuthenticationError,
  CannotConnectError,
  RequestTimeoutError,
  UnprovenServerError,
  type MethodResult,
} from '@car-runtime/client';
import type { CommandInput } from './command-spec.ts';
import { exitCode } from './exit-codes.ts';
import { isNobodyThere } from './nobody-there.ts';
import { startProgress } from './progress.ts';
import { bytesText, durationText, paint, printJson, printLine, shown } from './terminal.ts';

type Status = MethodResult<'server.status'>;

export async function run({ context }: CommandInput): Promise<number> {
  try {
    using _progress = startProgress('asking the daemon');
    await using client = await context.connect();
    const status = await client.server.status();
    if (context.isJson) printJson({ running: true, endpoint: client.connection.endpoint, ...status }, { isRaw: true });
    else printStatus(status, client.connection.endpoint);
    return exitCode.ok;
  } catch (error) {
    const state = stateOf(error);
    if (state === undefined) throw error;
    const { message } = error as Error;
    if (context.isJson) printJson({ running: state === 'stopped' ? false : null, reason: message }, { isRaw: true });
    else printLine(`${paint(state === 'stopped' ? 'dim' : 'yellow', `○ ${state}`)}  ${shown(message)}`);
    return state === 'stopped' ? exitCode.stopped : exitCode.unknown;
  }
}

/** Nobody there, or something that does not let us in; anything else is a failure of this command. */
function stateOf(error: unknown): 'stopped' | 'unknown' | undefined {
  if (error instanceof CannotConnectError) return isNobodyThere(error) ? 'stopped' : 'unknown';
  const isRefusal = [AuthenticationError, UnprovenServerError, RequestTimeoutError].some(
    (each) => error instanceof each,
  );
  return isRefusal ? 'unknown' : undefined;
}

function printStatus(status: Status, endpoint: string): void {
  const { connection } = status;
  const isWell = status.degraded.length === 0 && !status.is_draining;
  printLine(
    `${paint(isWell ? 'green' : 'yellow', status.is_draining ? '● stopping' : '● running')}  car-server ${shown(status.server_version)}, protocol ${status.protocol_version}`,
  );
  const rows: [string, string][] = [
    ['endpoint', `${shown(endpoint)} (${shown(connection.transport)}, as ${connection.role})`],
    ['process', `${status.pid}, up ${durationText(status.uptime_ms)}, ${bytesText(status.rss_bytes)}`],
    ['sessions', `${status.sessions}, the one of this question included`],
    ['requests', String(status.requests_total)],
    ['loop delay', `${status.loop_delay_p99_ms.toFixed(1)} ms (99th percentile)`],
    ['auth', status.auth_enabled ? 'on' : paint('yellow', 'off')],
    ...status.degraded.map((problem): [string, string] => ['degraded', paint('yellow', shown(problem))]),
  ];
  for (const [name, text] of rows) printLine(`  ${paint('dim', name.padEnd(11))}${text}`);
}
