// How a command of `car` is described. Parsing, help and completion derive from it.
import type { CliContext } from './context.ts';

export interface CommandInput {
  readonly context: CliContext;
  /** Positional arguments, in the order of the table; `undefined` for one left out. */
  readonly args: readonly (string | undefined)[];
  /** Values of the command's own options, by long name in camel case. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Values of those of its options that may be given many times, by long name. */
  readonly repeated: Readonly<Record<string, readonly string[]>>;
}

export interface CommandModule {
  /** Resolves with the exit status; nothing means success. */
  run(input: CommandInput): Promise<number | void>;
}

/** What a shell may offer for a value. `checks` is a list of ids of `doctor`, parted by commas. */
export type Completes = 'method' | 'file' | 'checks' | readonly string[];

export interface OptionSpec {
  /** As commander writes it: `-n, --lines <count>`. */
  readonly flags: string;
  readonly summary: string;
  readonly completes?: Completes;
  /** May be given many times. */
  readonly isRepeatable?: boolean;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** More for the command's own help. */
  readonly details?: string;
  readonly arguments?: readonly { name: string; summary: string; isOptional?: boolean; completes?: Completes }[];
  readonly options?: readonly OptionSpec[];
  readonly exits?: readonly string[];
  /** Of a group: loads the commands below it. */
  readonly subcommands?: () => Promise<{ commands: readonly CommandSpec[] }>;
  /** Of the global options those its help names, by long name; left out, all. Every command understands them. */
  readonly globals?: readonly string[];
  readonly load?: () => Promise<CommandModule>;
}

export const failedExits = ['0  done', '1  failed; standard error says why'];
