// Where everything of a daemon lives, by the environment (State root; Socket path; Tokens and files). Pure: makes and
// reads nothing.
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from './errors.ts';

export interface PathInput {
  env?: Readonly<Record<string, string | undefined>>;
  platform?: NodeJS.Platform;
  home?: string;
}

const productFolder = 'ai.parslee.car';

/** `CAR_HOME`, else `~/.car`. A relative `CAR_HOME` is an error. */
export function stateRoot(input: PathInput = {}): string {
  return explicitRoot(input) ?? join(input.home ?? homedir(), '.car');
}

/** The socket every client finds: `CAR_SERVER_SOCKET`, else below the state root or the runtime folder. */
export function socketPath(input: PathInput = {}): string {
  const explicit = nonBlank((input.env ?? process.env)['CAR_SERVER_SOCKET']);
  if (explicit !== undefined) return resolve(explicit);
  const runtime = explicitRoot(input) === undefined ? runtimeFolder(input) : undefined;
  return runtime === undefined ? join(stateRoot(input), 'run', 'car-server.sock') : join(runtime, productFolder, 'car-server.sock');
}

/** The socket of a daemon that is not the primary one of its state root. */
export function secondarySocketPath(primaryPath: string, port: number): string {
  return join(dirname(primaryPath), `car-server-${port}.sock`);
}

/** The folder of `auth-token` and `host-token`. */
export function tokenFolder(input: PathInput = {}): string {
  const { env = process.env, platform = process.platform, home = homedir() } = input;
  const root = explicitRoot(input);
  if (root !== undefined) return join(root, productFolder);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', productFolder);
  if (platform === 'win32') return join(nonBlank(env['LOCALAPPDATA']) ?? join(home, 'AppData', 'Local'), productFolder);
  return join(runtimeFolder(input) ?? join(home, '.config'), productFolder);
}

function explicitRoot({ env = process.env }: PathInput): string | undefined {
  const value = env['CAR_HOME'];
  if (value === undefined || value === '') return undefined;
  if (!isAbsolute(value)) throw new ConfigError(`CAR_HOME must be an absolute path, not ${JSON.stringify(value)}`);
  return resolve(value);
}

/** A relative value is ignored, as the XDG base directory specification says. */
function runtimeFolder({ env = process.env }: PathInput): string | undefined {
  const value = nonBlank(env['XDG_RUNTIME_DIR']);
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

function nonBlank(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}
