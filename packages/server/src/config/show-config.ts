// What `--print-config` and `--help` say, from the table of settings.
import { orderFlags } from './flags.ts';
import type { Config } from './load-config.ts';
import { settingTable, type Setting, type SettingName } from './settings.ts';

/** The effective settings as a settings file that would give the same ones, each with where it comes from. What a file
 *  cannot hold is a comment. */
export function configText(config: Config): string {
  const lines = [
    '# Effective settings of car-server, each with where it comes from',
    comment('state_root', config.stateRoot, config.pathSources.stateRoot),
    comment('socket', config.socketPath, config.pathSources.socketPath),
    comment('token_folder', config.tokenFolder, config.pathSources.tokenFolder),
    comment('config', config.file ?? 'none', config.orders.config === undefined ? 'default' : '--config'),
  ];
  let section = '';
  for (const [name, declaration] of settingTable) {
    const [head, tail] = name.split('.', 2) as [string, string | undefined];
    if (tail !== undefined && head !== section) lines.push('', `[${(section = head)}]`);
    lines.push(line(tail ?? head, declaration, config.values[name], config.sources.get(name) ?? 'default'));
  }
  return `${lines.join('\n')}\n`;
}

function line(key: string, declaration: Setting<unknown>, value: unknown, source: string): string {
  if (value === undefined) return `# ${key} is not set`;
  if (declaration.isSecret) return comment(key, '(set)', source);
  if (declaration.isNotInFile) return comment(key, value, source);
  return `${key} = ${toml(value)}  # ${source}`;
}

function comment(key: string, value: unknown, source: string): string {
  return `# ${key} = ${toml(value)}  # ${source}`;
}

/** Strings, numbers and booleans are written in TOML as in JSON, the delete character excepted; tables inline. */
function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, each]) => `${toml(key)} = ${toml(each)}`);
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return JSON.stringify(value).replaceAll('\u007F', String.raw`\u007F`);
}

export function helpText(): string {
  const flags = [
    ...[...settingTable.values()].flatMap(({ flag, help }) => (flag ? [row(flag.name, flag.value, help)] : [])),
    ...Object.entries(orderFlags).map(([name, order]) =>
      row(name, 'value' in order ? order.value : undefined, order.help),
    ),
  ];
  return `Usage: car-server [flags]

The daemon of the Common Agent Runtime. Stays in the foreground, prints one line when it is ready, and stops on
SIGTERM, on Ctrl-C and with its terminal (SIGHUP; not when neither standard output nor standard error is one, as with nohup).

Flags
${flags.join('\n')}

Settings file: TOML, the same names with "_" for "-", and
${[...settingTable.keys()]
  .filter(isFileOnly)
  .map((name) => `  ${name.padEnd(40)} ${settingTable.get(name)?.help}`)
  .join('\n')}

Environment: CAR_HOME, CAR_SERVER_SOCKET, XDG_RUNTIME_DIR, ${[...settingTable.values()].flatMap(({ env }) => env ?? []).join(', ')}
`;
}

function isFileOnly(name: SettingName): boolean {
  return settingTable.get(name)?.flag === undefined || name.includes('.');
}

function row(name: string, value: string | undefined, help: string): string {
  return `  ${(value === undefined ? `--${name}` : `--${name} <${value}>`).padEnd(34)} ${help}`;
}
