// The command line: arguments to commands, failures to messages and exit status.
import { Command, CommanderError, Option } from 'commander';
import { commands, globalOptions, type CommandSpec } from './command-table.ts';
import { CliContext } from './context.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { endQuietlyWithReader } from './terminal.ts';

/** Runs one command line and sets the exit status of the process. */
export async function runCli(args: readonly string[], version: string): Promise<void> {
  endQuietlyWithReader();
  const isJson = args.includes('--json');
  try {
    await createProgram(version).parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage;
      return;
    }
    const { reportFailure } = await import('./report-failure.ts');
    process.exitCode = reportFailure(error, isJson);
  }
}

function createProgram(version: string): Command {
  const program = new Command('car')
    .description('Command line of the Common Agent Runtime')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this')
    .exitOverride()
    .configureOutput({
      writeErr: (text) => process.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'car: ')),
    })
    .showHelpAfterError('(car --help lists the commands)')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed, 2 called wrongly; more in the help of each command.\nEnvironment: CAR_HOME, CAR_DAEMON_URL, CAR_SERVER_SOCKET, CAR_AUTH_TOKEN, NO_COLOR, FORCE_COLOR.',
    );
  for (const { flags, summary } of globalOptions) program.addOption(new Option(flags, summary));
  for (const spec of commands) program.addCommand(createCommand(spec, version));
  return program;
}

function createCommand(spec: CommandSpec, version: string): Command {
  const command = new Command(spec.name).description(spec.summary).exitOverride().helpOption('-h, --help', 'show this');
  command
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'car: ')) })
    .configureHelp({ showGlobalOptions: true });
  for (const { name, summary, isOptional } of spec.arguments ?? [])
    command.argument(isOptional ? `[${name}]` : `<${name}>`, summary);
  for (const { flags, summary } of spec.options ?? []) command.addOption(new Option(flags, summary));
  for (const subcommand of spec.subcommands ?? []) command.addCommand(createCommand(subcommand, version));
  const notes = [
    ...(spec.details ? [spec.details] : []),
    ...(spec.exits ? [['Exit status:', ...spec.exits].join('\n  ')] : []),
  ];
  if (notes.length > 0) command.addHelpText('after', `\n${notes.join('\n\n')}`);
  const { load } = spec;
  if (load) command.action(() => runCommand(command, load, version));
  return command;
}

async function runCommand(command: Command, load: NonNullable<CommandSpec['load']>, version: string): Promise<void> {
  await refuseRelativeStateRoot();
  const context = new CliContext(command.optsWithGlobals(), version);
  const { run } = await load();
  const args = command.processedArgs as (string | undefined)[];
  process.exitCode = (await run({ context, args, options: command.opts() })) ?? exitCode.ok;
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
