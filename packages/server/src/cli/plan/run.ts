import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Client, MethodResult } from '@car-runtime/client';
import { stateRoot } from '@car-runtime/client/node-paths';
import type { CommandInput } from '../command-spec.ts';
import type { CliContext } from '../context.ts';
import { exitCode } from '../exit-codes.ts';
import { paint, printLine, talk } from '../terminal.ts';
import { check } from './check.ts';
import { startFollowing } from './follow-plan.ts';
import { startLiveView } from './live-view.ts';
import { PlanFileError, type PlanFile } from './plan-file.ts';
import { wholeNumber } from '../runs/run-reader.ts';
import { createLineView, noView, PlanProgress, type ProgressView } from './plan-progress.ts';
import { safeJson } from './plan-text.ts';
import { printResult } from './result-text.ts';
import { withPlan } from './with-plan.ts';

/** As a shell reports a program that Ctrl-C ended. */
const interrupted = 130;
const maxWaitSeconds = 3_600;

export async function run(input: CommandInput): Promise<number> {
  const { context, options } = input;
  return await withPlan(input, async (file) => {
    if (options['dryRun']) return await check(file, input);
    return await runPlan(
      file,
      resolve(typeof options['root'] === 'string' ? options['root'] : '.'),
      context,
      waitMsOf(options['wait']),
    );
  });
}

type Result = MethodResult<'proposal.submit'>;

/** How long it waits for people, in ms. */
function waitMsOf(given: string | boolean | undefined): number | undefined {
  const seconds = wholeNumber('--wait', given, { min: 1, max: maxWaitSeconds });
  return seconds === undefined ? undefined : seconds * 1_000;
}

async function runPlan(file: PlanFile, root: string, context: CliContext, waitMs: number | undefined): Promise<number> {
  using stop = onInterrupt();
  const end = await Promise.race([runOnSession(file, root, context, waitMs, stop.signal), stop.promise]);
  if (end === undefined) {
    if (context.isJson)
      talk(safeJson({ error: { kind: 'Interrupted', message: 'interrupted; the plan was cancelled' } }));
    else talk(`${paint('yellow', 'car:', process.stderr)} interrupted; the plan was cancelled`);
    return interrupted;
  }
  const { result, journal } = end;
  if (context.isJson) printLine(safeJson(result));
  else printResult(file, result, journal);
  const isDone = result.results.every(({ status, rolled_back }) => status === 'succeeded' && !rolled_back);
  return isDone ? exitCode.ok : exitCode.failed;
}

interface Ended {
  readonly result: Result;
  readonly journal: string;
}

/** `undefined` when it was interrupted: by then the session is closed, and with it the plan is cancelled. */
async function runOnSession(
  file: PlanFile,
  root: string,
  context: CliContext,
  waitMs: number | undefined,
  signal: AbortSignal,
): Promise<Ended | undefined> {
  await using client = await context.connect();
  if (signal.aborted) return undefined;
  await client.agents.register_basics({ root });
  await refuseForeignTools(file, client);
  const { connection } = await client.server.status();
  const { proposal } = file;
  using view = createView(file, context);
  using _following = startFollowing(client, proposal.id, (events) => view.take(events));
  const interruption = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => interruption.resolve(undefined), { once: true });
  if (signal.aborted) return undefined;
  const submitted = client.proposal.submit({ proposal, approval_wait_ms: waitMs });
  // Closing the session, which is what follows an interruption, rejects it; nobody waits for it then.
  submitted.catch(() => {});
  const result = await Promise.race([submitted, interruption.promise]);
  if (!result) return undefined;
  view.conclude(result.results);
  return { result, journal: journalOf(connection.client_id) };
}

function createView({ plan }: PlanFile, context: CliContext): ProgressView {
  const progress = new PlanProgress(plan.actions.map(({ id, type, tool }) => ({ id, what: tool ?? type })));
  // Where the result follows on the same terminal, it takes the place of the picture.
  if (process.stderr.isTTY) return startLiveView(progress, process.stderr, !process.stdout.isTTY);
  return context.isJson ? noView : createLineView(progress);
}

/** A tool that only the file describes has nobody to run it: that is said before anything runs. */
async function refuseForeignTools({ name, plan, actionsPath, tools }: PlanFile, client: Client): Promise<void> {
  if (tools.length === 0) return;
  const there = new Set((await client.tools.list()).tools.map((tool) => tool.name));
  const foreign = new Set(tools.map((tool) => tool.name).filter((tool) => !there.has(tool)));
  const index = plan.actions.findIndex(({ tool }) => tool !== undefined && foreign.has(tool));
  const action = plan.actions[index];
  if (!action) return;
  const message = `cannot be run from here: nobody answers for tool "${action.tool}", which only the file describes`;
  throw new PlanFileError({ file: name, action: action.id, field: `${actionsPath}[${index}].tool`, message });
}

/** Where the journal is, as far as it can be seen from here: the daemon may keep it elsewhere. */
function journalOf(clientId: string): string {
  const path = join(stateRoot(), 'journals', `${clientId}.jsonl`);
  return existsSync(path) ? path : `${clientId}.jsonl, in the daemon's journal folder`;
}

/** Turns Ctrl-C into a signal while it is not disposed; a second one ends the program at once. */
function onInterrupt(): Disposable & { signal: AbortSignal; promise: Promise<undefined> } {
  const controller = new AbortController();
  const { promise, resolve: end } = Promise.withResolvers<undefined>();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(interrupted);
    controller.abort();
    // What takes longer than this to close is not waited for.
    setTimeout(() => end(undefined), closeMs).unref();
  };
  process.on('SIGINT', listener);
  return { signal: controller.signal, promise, [Symbol.dispose]: () => process.off('SIGINT', listener) };
}

const closeMs = 2_000;
