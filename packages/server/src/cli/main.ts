// The command line: arguments to commands, failures to messages and exit status.
import { Command, CommanderError, Help, Option, type OutputConfiguration } from 'commander';
import type { CommandInput, CommandSpec } from './command-spec.ts';
import { commands, globalOptions } from './command-table.ts';
import { CliContext } from './context.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { endQuietlyWithReader } from './terminal.ts';

/** Runs one command line and sets the exit status of the process. */
export async function runCli(args: readonly string[], version: string): Promise<void> {
  endQuietlyWithReader();
  const isJson = args.includes('--json');
  try {
    const program = await createProgram(args, version);
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage;
      return;
    }
    const { reportFailure } = await import('./report-failure.ts');
    process.exitCode = await reportFailure(error, isJson);
  }
}

/** Of the groups only those are loaded whose name is among the arguments. */
async function createProgram(args: readonly string[], version: string): Promise<Command> {
  const program = new Command('car')
    .description('Command line of the Common Agent Runtime')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this')
    .exitOverride(refuse)
    .configureOutput(saysNothing)
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed, 2 called wrongly; more in the help of each command.\nEnvironment: CAR_HOME, CAR_DAEMON_URL, CAR_SERVER_SOCKET, CAR_AUTH_TOKEN, NO_COLOR, FORCE_COLOR.',
    );
  for (const { flags, summary } of globalOptions) program.addOption(new Option(flags, summary));
  for (const spec of commands) {
    const command = createCommand(spec, version);
    if (args.includes(spec.name)) await addSubcommands(command, spec, version);
    program.addCommand(command);
  }
  return program;
}

async function addSubcommands(command: Command, spec: CommandSpec, version: string): Promise<void> {
  const { commands: subcommands } = (await spec.subcommands?.()) ?? { commands: [] };
  for (const each of subcommands) {
    const subcommand = createCommand(each, version);
    await addSubcommands(subcommand, each, version);
    command.addCommand(subcommand);
  }
}

function createCommand(spec: CommandSpec, version: string): Command {
  const command = new Command(spec.name).description(spec.summary).helpOption('-h, --help', 'show this');
  command
    .exitOverride((error) => refuse(error, pathOf(command)))
    .configureOutput(saysNothing)
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (shown) => globalsOf(spec, allGlobals.visibleGlobalOptions(shown)),
    });
  for (const { name, summary, isOptional } of spec.arguments ?? [])
    command.argument(isOptional ? `[${name}]` : `<${name}>`, summary);
  for (const { flags, summary, isRepeatable } of spec.options ?? []) {
    const option = new Option(flags, summary);
    if (isRepeatable) option.argParser<string[] | undefined>((value, before) => [...(before ?? []), value]);
    command.addOption(option);
  }
  const notes = [
    ...(spec.details ? [spec.details] : []),
    ...(spec.exits ? [['Exit status:', ...spec.exits].join('\n  ')] : []),
  ];
  if (notes.length > 0) command.addHelpText('after', `\n${notes.join('\n\n')}`);
  const { load } = spec;
  if (load) command.action(() => runCommand(command, load, version));
  return command;
}

const allGlobals = Object.assign(new Help(), { showGlobalOptions: true });

/** The version is the program's, and `--url` means nothing to a command that asks no daemon. */
function globalsOf({ globals }: CommandSpec, all: Option[]): Option[] {
  return all.filter(({ long }) => long !== '--version' && (globals?.includes(long ?? '') ?? true));
}

/** What commander found wrong is reported like everything else, by whoever catches it. */
const saysNothing: OutputConfiguration = { outputError: () => {} };

function refuse(error: CommanderError, command = ''): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw error;
  const usage = new UsageError(error.message.replace(/^error: /, ''), { cause: error });
  usage.command = command;
  throw usage;
}

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at = command; at.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

async function runCommand(command: Command, load: NonNullable<CommandSpec['load']>, version: string): Promise<void> {
  try {
    await refuseRelativeStateRoot();
    process.exitCode = (await call(command, load, version)) ?? exitCode.ok;
  } catch (error) {
    if (error instanceof UsageError) error.command = pathOf(command);
    throw error;
  }
}

async function call(command: Command, load: NonNullable<CommandSpec['load']>, version: string): Promise<number | void> {
  const context = new CliContext(command.optsWithGlobals(), version);
  const { run } = await load();
  const args = command.processedArgs as (string | undefined)[];
  const given = Object.entries(command.opts<Record<string, string | boolean | string[]>>());
  const repeated = Object.fromEntries(given.filter(([, value]) => Array.isArray(value)));
  const options = Object.fromEntries(given.filter(([, value]) => !Array.isArray(value)));
  return await run({ context, args, options, repeated } as CommandInput);
}

/** Whatever the command, so that nobody works on another state root than they think. */
async function refuseRelativeStateRoot(): Promise<void> {
  const { RelativeStateRootError, stateRoot } = await import('@car-runtime/client/node-paths');
  try {
    stateRoot();
  } catch (error) {
    throw error instanceof RelativeStateRootError ? new UsageError(error.message) : error;
  }
}
