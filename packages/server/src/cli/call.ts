import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { CarError } from '@car-runtime/client';
import type { CommandInput } from './command-spec.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { startProgress } from './progress.ts';
import { reportFailure } from './report-failure.ts';
import { paint, printJson, talk } from './terminal.ts';

const methodNotFound = -32601;

export async function run({ context, args: [method = '', given], options }: CommandInput): Promise<number> {
  const params = await readParams(given);
  const timeoutMs = secondsToMs(options['timeout']);
  using _progress = startProgress(method);
  await using client = await context.connect();
  try {
    const result = await client.request(method, params, { timeoutMs });
    printJson(result, { isRaw: context.isJson });
    return exitCode.ok;
  } catch (error) {
    if (!(error instanceof CarError) || error.code !== methodNotFound || context.isJson) throw error;
    await reportFailure(error, false);
    await suggest(method);
    return exitCode.failed;
  }
}

/** The params as JSON text, from where the argument says. */
async function readParams(given: string | undefined): Promise<unknown> {
  if (given === undefined) return undefined;
  const source = given === '-' ? 'standard input' : given.startsWith('@') ? given.slice(1) : 'params';
  const json = await readSource(given, source);
  let params: unknown;
  try {
    params = JSON.parse(json);
  } catch (error) {
    throw new UsageError(
      `${source === 'params' ? 'The params are' : `${source} is`} not JSON: ${(error as Error).message}`,
    );
  }
  if (typeof params !== 'object')
    throw new UsageError(`Params are an object or an array, not ${json.trim().slice(0, 40)}`);
  return params;
}

async function readSource(given: string, source: string): Promise<string> {
  if (given === '-') return await text(process.stdin);
  if (!given.startsWith('@')) return given;
  try {
    return readFileSync(source, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read ${source}: ${(error as Error).message}`);
  }
}

function secondsToMs(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (!(seconds > 0)) throw new UsageError(`--timeout is a number of seconds above 0, not ${JSON.stringify(value)}`);
  return seconds * 1000;
}

async function suggest(method: string): Promise<void> {
  const { methodsLike } = await import('./methods-like.ts');
  const close = methodsLike(method);
  if (close.length > 0) talk(paint('dim', `     Did you mean ${close.join(', ')}?`, process.stderr));
}
