// Completion scripts, made from the command table and the contract. A script holds its words, so completing starts no
// program.
import { methods } from '@car-runtime/protocol';
import type { CommandInput, CommandSpec, Completes, OptionSpec } from './command-spec.ts';
import { commands, globalOptions } from './command-table.ts';
import { checks } from './doctor-checks.ts';
import { UsageError } from './exit-codes.ts';

/** One place where words can stand: behind `path`, as the argument of that number. */
interface Place {
  readonly path: readonly string[];
  readonly summary: string;
  readonly subcommands: readonly { name: string; summary: string }[];
  readonly arguments: readonly (Completes | undefined)[];
  readonly options: readonly Flag[];
}

interface Flag {
  readonly names: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  readonly completes: Completes | undefined;
}

const helpFlag: Flag = { names: ['-h', '--help'], summary: 'show help', takesValue: false, completes: undefined };

export async function run({ args: [shell] }: CommandInput): Promise<void> {
  const write = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell as 'bash'] as
    | ((all: readonly Place[]) => string)
    | undefined;
  if (!write) throw new UsageError(`A completion script is for bash, zsh or fish, not ${JSON.stringify(shell)}`);
  process.stdout.write(write(await places()));
}

async function places(): Promise<Place[]> {
  const shared = [...globalOptions.map(toFlag), helpFlag];
  const of = async (spec: CommandSpec, before: readonly string[]): Promise<Place[]> => {
    const path = [...before, spec.name];
    const { commands: subcommands } = (await spec.subcommands?.()) ?? { commands: [] };
    const own: Place = {
      path,
      summary: spec.summary,
      subcommands: subcommands.map(({ name, summary }) => ({ name, summary })),
      arguments: (spec.arguments ?? []).map(({ completes }) => completes),
      options: [...(spec.options ?? []).map(toFlag), ...shared],
    };
    return [own, ...(await Promise.all(subcommands.map((each) => of(each, path)))).flat()];
  };
  const version: Flag = {
    names: ['-V', '--version'],
    summary: 'print the version',
    takesValue: false,
    completes: undefined,
  };
  const root: Place = {
    path: [],
    summary: '',
    subcommands: commands.map(({ name, summary }) => ({ name, summary })),
    arguments: [],
    options: [...shared, version],
  };
  return [root, ...(await Promise.all(commands.map((each) => of(each, [])))).flat()];
}

function toFlag({ flags, summary, completes }: OptionSpec): Flag {
  const names = flags.match(/--?[a-z][a-z-]*/gi) ?? [];
  return { names, summary, takesValue: flags.includes('<'), completes };
}

function wordsOf(completes: Completes | undefined): readonly string[] {
  if (completes === undefined || completes === 'file') return [];
  if (completes === 'checks') return checks.map(({ id }) => id);
  return completes === 'method' ? Object.keys(methods).toSorted() : completes;
}

const keyOf = (path: readonly string[]): string => path.join(' ');

function bashScript(all: readonly Place[]): string {
  const cases = (entries: [key: string, text: string][]): string =>
    entries.map(([key, text]) => `      ${quote(key)}) ${text} ;;`).join('\n');
  const offer = (completes: Completes | undefined): string => {
    if (completes === 'file') return '_car_files; return';
    return `words=${quote(wordsOf(completes).join(' '))}${completes === 'checks' ? '; isList=1' : ''}`;
  };
  const valueCases = all.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ names, completes }) =>
        names.map((name): [string, string] => [`${keyOf(path)}|${name}`, `${offer(completes)}; isValue=1`]),
      ),
  );
  const argumentCases = all.flatMap(({ path, arguments: args }) =>
    args.map((completes, index): [string, string] => [`${keyOf(path)}|${index}`, offer(completes)]),
  );
  return `# bash completion for car
# The shell's own completion of file names knows of blanks, quotes, "~" and folders; where it cannot be asked for (before
# bash 4) there are plain names.
_car_files() {
  compopt -o default 2>/dev/null && return
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
}
_car() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='' words='' isValue='' isList='' done='' count=0 index word
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$path|$word" in
${cases(valueCases.map(([key]) => [key, '((index++)); continue']))}
    esac
    [[ $word == -* ]] && continue
    case "$path|$word" in
${cases(all.flatMap(({ path, subcommands }) => subcommands.map(({ name }): [string, string] => [`${keyOf(path)}|${name}`, `path=${quote(keyOf([...path, name]))}; continue`])))}
    esac
    ((count++))
  done
  COMPREPLY=()
  case "$path|$previous" in
${cases(valueCases)}
  esac
  [[ $isValue && ! $words ]] && return
  if [[ ! $isValue && $current == -* ]]; then
    case "$path" in
${cases(all.map(({ path, options }) => [keyOf(path), `words=${quote(options.flatMap(({ names }) => names).join(' '))}`]))}
    esac
  elif [[ ! $isValue ]]; then
    case "$path" in
${cases(all.filter(({ subcommands }) => subcommands.length > 0).map(({ path, subcommands }) => [keyOf(path), `words=${quote(subcommands.map(({ name }) => name).join(' '))}`]))}
    esac
    case "$path|$count" in
${cases(argumentCases)}
    esac
  fi
  [[ $isList && $current == *,* ]] && done="\${current%,*}," current="\${current##*,}"
  [[ $words ]] && COMPREPLY=($(compgen -P "$done" -W "$words" -- "$current"))
  return 0
}
complete -F _car car
`;
}

function zshScript(all: readonly Place[]): string {
  const functionOf = (path: readonly string[]): string => ['_car', ...path].join('_').replaceAll('-', '_');
  const action = (completes: Completes | undefined): string => {
    if (completes === 'file') return '_files';
    const words = wordsOf(completes);
    return words.length > 0 ? `(${words.join(' ')})` : ' ';
  };
  const describe = (text: string): string => text.replaceAll(/[[\]:]/g, String.raw`\$&`);
  const body = ({ path, subcommands, arguments: args, options }: Place): string => {
    const specs = options.map(({ names, summary, takesValue, completes }) => {
      const exclusive = names.length > 1 ? `(${names.join(' ')})` : '';
      const value = takesValue ? `:value:${action(completes)}` : '';
      const spelled = names.length > 1 ? `{${names.join(',')}}` : names[0];
      const text = `[${describe(summary)}]${value}`;
      return names.length > 1 ? `${quote(exclusive)}${spelled}${quote(text)}` : quote(`${spelled}${text}`);
    });
    const positions = args.map((completes, index) => quote(`${index + 1}:argument:${action(completes)}`));
    if (subcommands.length === 0) return `  _arguments -s ${[...specs, ...positions].join(' \\\n    ')}`;
    const names = subcommands.map(({ name, summary }) => quote(`${name}:${describe(summary)}`)).join(' ');
    const routes = subcommands.map(({ name }) => `        ${name}) ${functionOf([...path, name])} ;;`).join('\n');
    return `  local state line
  _arguments -s -C ${[...specs, quote('1:command:->command'), quote('*::argument:->argument')].join(' \\\n    ')}
  case $state in
    command) local -a names; names=(${names}); _describe command names ;;
    argument)
      case $line[1] in
${routes}
      esac ;;
  esac`;
  };
  return `#compdef car
# zsh completion for car
${all
  .toReversed()
  .map((place) => `${functionOf(place.path)}() {\n${body(place)}\n}`)
  .join('\n')}
if [[ $funcstack[1] == _car ]]; then _car "$@"; else compdef _car car; fi
`;
}

function fishScript(all: readonly Place[]): string {
  const lines = ['# fish completion for car', 'complete -c car -f'];
  for (const { path, subcommands, arguments: args, options } of all) {
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const none = `not __fish_seen_subcommand_from ${subcommands.map(({ name }) => name).join(' ')}`;
    const here = [seen, subcommands.length > 0 ? none : ''].filter((condition) => condition !== '').join('; and ');
    const condition = here === '' ? '' : ` -n ${quote(here)}`;
    for (const { name, summary } of subcommands)
      lines.push(`complete -c car${condition} -a ${name} -d ${quote(summary)}`);
    for (const completes of args) {
      if (completes === 'file') lines.push(`complete -c car${condition} -F`);
      else if (wordsOf(completes).length > 0)
        lines.push(`complete -c car${condition} -a ${quote(wordsOf(completes).join(' '))}`);
    }
    for (const { names, summary, takesValue, completes } of options) {
      const spelled = names
        .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
        .join(' ');
      const value = takesValue
        ? completes === 'file'
          ? ' -r -F'
          : ` -x${wordsOf(completes).length > 0 ? ` -a ${quote(wordsOf(completes).join(' '))}` : ''}`
        : '';
      lines.push(`complete -c car${condition} ${spelled}${value} -d ${quote(summary)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A word of any of the three shells. None of the words in the table holds a backslash. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
