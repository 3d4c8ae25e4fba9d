// The command line, token by token: which setting or order each flag is.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { ConfigError } from '../errors.ts';
import { settingTable, type SettingName } from './settings.ts';

/** What the command line asks for besides settings. */
export interface Orders {
  help: boolean;
  version: boolean;
  printConfig: boolean;
  readyJson: boolean;
  /** Deprecated, without effect. */
  requireAuth: boolean;
  /** Configuration file instead of the state root's. */
  config: string | undefined;
}

export interface CommandLine {
  orders: Orders;
  /** Texts by setting; `'1'` for a flag that stands alone. */
  values: ReadonlyMap<SettingName, readonly string[]>;
}

/** Flags that are no settings, with their help. */
export const orderFlags = {
  config: { value: 'path', help: 'settings file (default <state root>/config.toml)' },
  'print-config': { help: 'show every setting with where it comes from, and end' },
  'ready-json': { help: 'make the ready line one JSON object' },
  'require-auth': { help: 'deprecated, without effect: authentication is always on' },
  version: { help: 'show the version, and end' },
  help: { help: 'show this, and end (also -h)' },
} as const satisfies Record<string, { value?: string; help: string }>;

const settingOfFlag = new Map(
  [...settingTable].flatMap(([name, { flag }]) => (flag ? [[flag.name, name] as const] : [])),
);

export function parseCommandLine(args: readonly string[]): CommandLine {
  const values = new Map<SettingName, string[]>();
  const given = new Map<string, string>();
  for (const token of tokensOf(args)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'option' && token.rawName === '-h') {
      given.set('help', '');
      continue;
    }
    if (token.kind === 'positional')
      throw new ConfigError(
        `Cannot take the argument ${JSON.stringify(token.value)}: there is only room for flags (see --help)`,
      );
    const { name, rawName, value } = token;
    const setting = settingOfFlag.get(name);
    const takesValue =
      setting === undefined ? isOrderWithValue(name) : settingTable.get(setting)?.flag?.value !== undefined;
    if (rawName !== `--${name}` || (setting === undefined && !Object.hasOwn(orderFlags, name)))
      throw new ConfigError(`There is no flag ${rawName} (see --help)`);
    if (takesValue && (value === undefined || (!token.inlineValue && value.startsWith('--'))))
      throw new ConfigError(`${rawName} needs a value`);
    if (!takesValue && value !== undefined) throw new ConfigError(`${rawName} takes no value`);
    if (setting === undefined) given.set(name, value ?? '');
    else if (values.has(setting) && settingTable.get(setting)?.isList) values.get(setting)?.push(value as string);
    else values.set(setting, [value ?? '1']);
  }
  return { orders: ordersOf(given), values };
}

function tokensOf(args: readonly string[]) {
  const options: ParseArgsOptionsConfig = {};
  for (const [, { flag }] of settingTable)
    if (flag) options[flag.name] = { type: flag.value === undefined ? 'boolean' : 'string' };
  for (const name of Object.keys(orderFlags)) options[name] = { type: isOrderWithValue(name) ? 'string' : 'boolean' };
  return parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true }).tokens;
}

function isOrderWithValue(name: string): boolean {
  return Object.hasOwn(orderFlags, name) && 'value' in orderFlags[name as keyof typeof orderFlags];
}

function ordersOf(given: ReadonlyMap<string, string>): Orders {
  return {
    help: given.has('help'),
    version: given.has('version'),
    printConfig: given.has('print-config'),
    readyJson: given.has('ready-json'),
    requireAuth: given.has('require-auth'),
    config: given.get('config'),
  };
}
