// The effective settings: defaults, below the file, below the environment, below the flags.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  RelativeStateRootError,
  resolveStatePath,
  socketPath,
  stateRoot,
  tokenFolder,
  type PathInput,
} from '@car-runtime/client';
import { ConfigError } from '../errors.ts';
import { parseCommandLine, type CommandLine, type Orders } from './flags.ts';
import { ListItemError } from './readers.ts';
import { settingTable, type Setting, type SettingName, type SettingValues } from './settings.ts';

export interface Config {
  readonly orders: Orders;
  readonly values: SettingValues;
  /** Where each value comes from: `default`, `file`, or the name of the variable or flag. */
  readonly sources: ReadonlyMap<SettingName, string>;
  readonly stateRoot: string;
  readonly socketPath: string;
  readonly tokenFolder: string;
  /** What decided each of these three: a variable, or `default`. */
  readonly pathSources: { readonly stateRoot: string; readonly socketPath: string; readonly tokenFolder: string };
  /** The file that was read, if there was one. */
  readonly file: string | undefined;
  /** What was given and is not taken as it stands; to be logged. */
  readonly warnings: readonly string[];
}

const othersMayWrite = 0o002;

type Layer = 'default' | 'file' | 'environment' | 'flag';

interface Found {
  layer: Layer;
  source: string;
  value: unknown;
}

export interface ConfigInput {
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  paths?: Omit<PathInput, 'env'>;
}

/** Reads, and changes nothing: a one-time token file is not opened here. Throws `ConfigError`. */
export async function loadConfig({ args, env, paths = {} }: ConfigInput): Promise<Config> {
  const commandLine = parseCommandLine(args);
  const input = { ...paths, env };
  const root = stateRootOf(input);
  const file = readFile(commandLine.orders.config, root);
  const fromFile = file ? await parseFile(file.text, file.path) : new Map<SettingName, unknown>();
  const warnings = file && file.mode & othersMayWrite ? [`others can write to the settings file ${file.path}`] : [];
  const found = new Map<SettingName, Found>();
  for (const [name, declaration] of settingTable) {
    const value = fromFlags(name, declaration, commandLine) ?? fromEnv(declaration, env, warnings);
    found.set(
      name,
      value ??
        fromFileValue(name, declaration, fromFile, file?.path ?? '') ?? {
          layer: 'default',
          source: 'default',
          value: declaration.fallback,
        },
    );
  }
  settleToken(found, warnings);
  return {
    orders: commandLine.orders,
    values: Object.fromEntries(
      [...found].map(([name, { value }]) => [name, resolved(name, value, input)]),
    ) as unknown as SettingValues,
    sources: new Map([...found].map(([name, { source }]) => [name, source])),
    stateRoot: root,
    socketPath: socketPath(input),
    tokenFolder: tokenFolder(input),
    pathSources: {
      stateRoot: firstSet(env, 'CAR_HOME'),
      socketPath: firstSet(env, 'CAR_SERVER_SOCKET', 'CAR_HOME', 'XDG_RUNTIME_DIR'),
      tokenFolder: firstSet(env, 'CAR_HOME', 'XDG_RUNTIME_DIR'),
    },
    file: file?.path,
    warnings,
  };
}

function fromFlags(name: SettingName, declaration: Setting<unknown>, { values }: CommandLine): Found | undefined {
  const given = values.get(name);
  if (given === undefined) return undefined;
  const source = `--${declaration.flag?.name}`;
  return { layer: 'flag', source, value: read(declaration, declaration.isList ? given : given.at(-1), source) };
}

/** An empty variable counts as absent, except where it would be a secret: somebody meant to set one. */
function fromEnv(declaration: Setting<unknown>, env: ConfigInput['env'], warnings: string[]): Found | undefined {
  const { env: source, isSecret = false, isEnvLenient = false } = declaration;
  const raw = source === undefined ? undefined : env[source];
  if (source === undefined || raw === undefined || (raw === '' && !isSecret)) return undefined;
  try {
    return { layer: 'environment', source, value: read(declaration, raw, source) };
  } catch (error) {
    if (!isEnvLenient) throw error;
    warnings.push(`${(error as Error).message}; using ${String(declaration.fallback)}`);
    return undefined;
  }
}

function fromFileValue(
  name: SettingName,
  declaration: Setting<unknown>,
  values: ReadonlyMap<SettingName, unknown>,
  path: string,
): Found | undefined {
  if (!values.has(name)) return undefined;
  const value = read(declaration, values.get(name), `${name} in ${path}`);
  return {
    layer: 'file',
    source: 'file',
    value: declaration.isPath && !isOfStateRoot(value) ? resolve(dirname(path), value as string) : value,
  };
}

function read(declaration: Setting<unknown>, raw: unknown, source: string): unknown {
  try {
    return declaration.read(raw);
  } catch (error) {
    const wrong = error instanceof ListItemError ? error.item : raw;
    const shown = declaration.isSecret || wrong === '' ? '' : `, not ${clipped(wrong)}`;
    throw new ConfigError(`${source} must be ${(error as Error).message}${shown}`, { cause: error });
  }
}

function clipped(raw: unknown): string {
  const json = JSON.stringify(raw) ?? String(raw);
  return json.length <= 80 ? json : `${json.slice(0, 80)}…`;
}

/** A token and a token file: the nearer layer wins, and within one layer it is a contradiction. */
function settleToken(found: Map<SettingName, Found>, warnings: string[]): void {
  const order: readonly Layer[] = ['default', 'file', 'environment', 'flag'];
  const [token, file] = [found.get('auth_token') as Found, found.get('auth_token_file') as Found];
  if (token.value !== undefined && file.value !== undefined) {
    if (token.layer === file.layer)
      throw new ConfigError(`${token.source} and ${file.source} are both set; give one of them`);
    const loser = order.indexOf(token.layer) < order.indexOf(file.layer) ? token : file;
    warnings.push(`${loser.source} is not used: ${loser === token ? file.source : token.source} comes first`);
    loser.value = undefined;
  }
  if (found.get('no_auth')?.value === true && (token.value ?? file.value) !== undefined)
    warnings.push('authentication is off: the daemon token that was given is not used');
}

/** A leading `~/.car/` means the state root, wherever that is (State root). */
const statePrefix = '~/.car/';

function isOfStateRoot(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(statePrefix);
}

function resolved(name: SettingName, value: unknown, input: PathInput): unknown {
  return typeof value === 'string' && settingTable.get(name)?.isPath ? resolveStatePath(value, input) : value;
}

function stateRootOf(input: PathInput): string {
  try {
    return stateRoot(input);
  } catch (error) {
    throw error instanceof RelativeStateRootError ? new ConfigError(error.message, { cause: error }) : error;
  }
}

function firstSet(env: ConfigInput['env'], ...names: readonly string[]): string {
  return names.find((name) => env[name]?.trim()) ?? 'default';
}

interface SettingsFile {
  path: string;
  text: string;
  mode: number;
}

function readFile(explicit: string | undefined, root: string): SettingsFile | undefined {
  const path = explicit === undefined ? join(root, 'config.toml') : resolve(explicit);
  try {
    return { path, text: readFileSync(path, 'utf8'), mode: statSync(path).mode };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (explicit === undefined && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw new ConfigError(`Cannot read ${path}: ${message}`, { cause: error });
  }
}

async function parseFile(text: string, path: string): Promise<Map<SettingName, unknown>> {
  const { parse } = await import('smol-toml');
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    const { line, message } = error as Error & { line?: number };
    throw new ConfigError(
      `Cannot read ${path}: ${line === undefined ? '' : `line ${line}: `}${message.split('\n', 1)[0]}`,
      { cause: error },
    );
  }
  const values = new Map<SettingName, unknown>();
  for (const [key, value] of flatten(table)) {
    const declaration = settingTable.get(key as SettingName);
    if (!declaration) throw new ConfigError(`There is no setting ${JSON.stringify(key)} (in ${path})`);
    if (declaration.isSecret || declaration.isNotInFile)
      throw new ConfigError(`${key} cannot be set in a file (in ${path})`);
    values.set(key as SettingName, value);
  }
  return values;
}

/** Keys with their section. Only the sections there are go down: anything else is one unknown key. */
function flatten(table: Record<string, unknown>): [string, unknown][] {
  const sections = new Set(
    [...settingTable.keys()].flatMap((name) => (name.includes('.') ? [name.split('.', 1)[0]] : [])),
  );
  return Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
    const isSection = sections.has(key) && typeof value === 'object' && value !== null && !Array.isArray(value);
    return isSection ? Object.entries(value).map(([inner, each]) => [`${key}.${inner}`, each]) : [[key, value]];
  });
}
