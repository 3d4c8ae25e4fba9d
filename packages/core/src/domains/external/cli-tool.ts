// An external agent that is a program of the command line: its arguments, its input, and what it prints.
import type { ExternalAgent } from '@car-runtime/protocol';
import { Child, type ChildExit } from './child.ts';
import { detectProgram } from './detection.ts';
import { environmentFor } from './environment.ts';
import { stage, type Staged } from './staging.ts';
import type { ExternalTool, Found, HealthFinding, Outcome, RunContext, Surroundings, Task } from './tool.ts';
import { Transcript } from './transcript.ts';

/** How the process ended, for whoever reads what it printed. */
export interface Ending {
  /** Why it counts as failed, whatever it printed. */
  readonly problem: string | undefined;
  /** The end of its standard error. */
  readonly errorText: string;
}

/** Takes what a process prints, in whatever pieces it comes, and says at its end what it was. */
export interface OutputReader {
  write(bytes: Buffer): void;
  end(ending: Ending): Outcome;
}

export interface Launch {
  readonly args: readonly string[];
  readonly input: Iterable<string | Buffer>;
}

export interface CliDialect {
  readonly id: string;
  readonly displayName: string;
  /** Looked for in `PATH`. */
  readonly program: string;
  /** Variable that names the program instead. */
  readonly pin: string;
  readonly capabilities: ExternalAgent['capabilities'];
  readonly takesAnyFile: boolean;
  refusal(task: Task): string | undefined;
  launch(task: Task, staged: Staged | undefined): Launch;
  /** Whether attachments reach it as files. */
  readonly needsFiles: boolean;
  createReader(transcript: Transcript): OutputReader;
  authKind(env: Surroundings['env']): ExternalAgent['auth_kind'];
  health(found: Found, surroundings: Surroundings): Promise<HealthFinding>;
}

export function cliTool(dialect: CliDialect, surroundings: Surroundings): ExternalTool {
  const { id, displayName, capabilities, takesAnyFile } = dialect;
  return {
    id,
    displayName,
    capabilities,
    takesAnyFile,
    detect: () => detectProgram(dialect, surroundings),
    authKind: () => dialect.authKind(surroundings.env),
    health: (found) => dialect.health(found, surroundings),
    refusal: (task) => dialect.refusal(task),
    run: (found, task, context) => runCli(dialect, surroundings, { found, task, context }),
  };
}

async function runCli(
  dialect: CliDialect,
  { env, secrets, children }: Surroundings,
  { found, task, context }: { found: Found; task: Task; context: RunContext },
): Promise<Outcome> {
  const transcript = new Transcript(context.say);
  await using staged = dialect.needsFiles ? await stage(task.attachments) : undefined;
  const { args, input } = dialect.launch(task, staged);
  const reader = dialect.createReader(transcript);
  let child: Child;
  try {
    context.signal.throwIfAborted();
    const options = { command: found.path, args, cwd: task.cwd, env: environmentFor(env, secrets()), children };
    child = await Child.launch(options, (bytes) => reader.write(bytes));
  } catch (error) {
    return transcript.failed((error as Error).message);
  }
  const late = endWhen(child, context.signal, task.timeoutMs);
  const [exit] = await Promise.all([child.ended, child.feed(input)]);
  const why = late.stop();
  return reader.end({ problem: why ?? problemOf(exit), errorText: child.errorText });
}

/** Ends the process when it has had its time or nobody waits for it any more, once `before` has asked it to; `stop` says
 *  which. */
export function endWhen(
  child: Child,
  signal: AbortSignal,
  timeoutMs: number,
  before: () => Promise<unknown> = () => Promise.resolve(),
): { stop(): string | undefined } {
  let why: string | undefined;
  const end = (reason: string): void => {
    why ??= reason;
    // Whatever comes of asking, it ends.
    void before()
      .catch(() => undefined)
      .then(() => child.end());
  };
  const abandon = (): void => end('cancelled');
  const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1_000} s`), timeoutMs);
  if (signal.aborted) abandon();
  else signal.addEventListener('abort', abandon, { once: true });
  return {
    stop: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abandon);
      return why;
    },
  };
}

export function problemOf({ code, signal }: ChildExit): string | undefined {
  if (signal !== null) return `it was ended by ${signal}`;
  return code === 0 ? undefined : `it ended with exit code ${code}`;
}

/** Of a tool that has no way to be held to certain tools: better not at all than with all of them. */
export function refusalOfToolList(displayName: string, { allowedTools }: Task): string | undefined {
  return allowedTools === undefined
    ? undefined
    : `${displayName} cannot be held to allowed_tools; leave them out, or use claude-code`;
}
