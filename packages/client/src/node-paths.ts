// Where a daemon keeps its state, its socket and its tokens, by the environment. Client, daemon and command line must
// agree on every one of these, so this is the only place that knows (State root; Listeners, Socket path;
// Authentication, Tokens and files).
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** What the rules read. Everything has a default, so `{}` is this process. */
export interface PathInput {
  env?: Readonly<Record<string, string | undefined>>;
  platform?: NodeJS.Platform;
  home?: string;
}

const productFolder = 'ai.parslee.car';
const homePrefix = '~/.car/';

/** `CAR_HOME` must be absolute. A program that meets this prints it and exits with status 2. */
export class RelativeStateRootError extends Error {
  override readonly name = 'RelativeStateRootError';
  /** The offending value of `CAR_HOME`. */
  readonly value: string;

  constructor(value: string) {
    super(`CAR_HOME must be an absolute path, not ${JSON.stringify(value)}`);
    this.value = value;
  }
}

/** The state root: `CAR_HOME`, else `~/.car`. Throws `RelativeStateRootError`. */
export function stateRoot(input: PathInput = {}): string {
  const root = explicitRoot(input);
  return root ?? join(input.home ?? homedir(), '.car');
}

/** The folder of sockets, locks and process ids. */
export function runFolder(input: PathInput = {}): string {
  return join(stateRoot(input), 'run');
}

/** The socket every client finds: `CAR_SERVER_SOCKET`, else below the state root or the runtime folder. */
export function socketPath(input: PathInput = {}): string {
  const env = input.env ?? process.env;
  const explicit = nonBlank(env['CAR_SERVER_SOCKET']);
  return explicit === undefined ? join(socketFolder(input), 'car-server.sock') : resolve(explicit);
}

/** The socket of a daemon that is not the primary one of its state root. */
export function secondarySocketPath(primaryPath: string, port: number): string {
  return join(dirname(primaryPath), `car-server-${port}.sock`);
}

/** The folder of the token files. */
export function tokenFolder(input: PathInput = {}): string {
  const { env = process.env, platform = process.platform, home = homedir() } = input;
  const root = explicitRoot(input);
  if (root !== undefined) return join(root, productFolder);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', productFolder);
  if (platform === 'win32') return join(nonBlank(env['LOCALAPPDATA']) ?? join(home, 'AppData', 'Local'), productFolder);
  return join(runtimeFolder(env) ?? join(home, '.config'), productFolder);
}

/** The file of the daemon token. */
export function authTokenPath(input: PathInput = {}): string {
  return join(tokenFolder(input), 'auth-token');
}

/** The file of the host-management token. */
export function hostTokenPath(input: PathInput = {}): string {
  return join(tokenFolder(input), 'host-token');
}

/** The daemon's own log, rotated beside itself. */
export function daemonLogPath(input: PathInput = {}): string {
  return join(stateRoot(input), 'logs', 'car-server.log');
}

/** A path given as an argument or setting: a leading `~/.car/` means the state root, wherever that is. */
export function resolveStatePath(path: string, input: PathInput = {}): string {
  return path.startsWith(homePrefix) ? join(stateRoot(input), path.slice(homePrefix.length)) : resolve(path);
}

function socketFolder(input: PathInput): string {
  const { env = process.env } = input;
  if (explicitRoot(input) !== undefined) return runFolder(input);
  const runtime = runtimeFolder(env);
  return runtime === undefined ? runFolder(input) : join(runtime, productFolder);
}

function explicitRoot({ env = process.env }: PathInput): string | undefined {
  const value = env['CAR_HOME'];
  if (value === undefined || value === '') return undefined;
  if (!isAbsolute(value)) throw new RelativeStateRootError(value);
  return resolve(value);
}

/** A relative value is ignored, as the XDG base directory specification says. */
function runtimeFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const value = nonBlank(env['XDG_RUNTIME_DIR']);
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

function nonBlank(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}
