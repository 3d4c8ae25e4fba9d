// What every command is given: the global options, and a connection made as they say.
import type { Client, ConnectOptions } from '@car-runtime/client';
import { UsageError } from './exit-codes.ts';

export interface GlobalOptions {
  json?: boolean;
  url?: string;
  socket?: string;
  tokenFile?: string;
  role?: string;
  insecureUnproven?: boolean;
  insecureRemote?: boolean;
}

const connectTimeoutMs = 10_000;

export class CliContext {
  readonly globals: GlobalOptions;
  /** Version of this program. */
  readonly version: string;

  constructor(globals: GlobalOptions, version: string) {
    this.globals = globals;
    this.version = version;
  }

  get isJson(): boolean {
    return this.globals.json ?? false;
  }

  /** A client that does not outlive its first connection, unless a command wants one that does. */
  async connect(options: Pick<ConnectOptions, 'role' | 'reconnect' | 'memoryNamespace'> = {}): Promise<Client> {
    const { connect } = await import('@car-runtime/client');
    return await connect({ ...this.#connectOptions(), ...options });
  }

  #connectOptions(): ConnectOptions {
    const { url, socket, tokenFile, role = 'client', insecureUnproven, insecureRemote } = this.globals;
    if (role !== 'client' && role !== 'host' && role !== 'none')
      throw new UsageError(`--role is client, host or none, not ${JSON.stringify(role)}`);
    if (url !== undefined && socket !== undefined) throw new UsageError('--url and --socket exclude each other');
    return {
      role,
      reconnect: false,
      connectTimeoutMs,
      ...(url !== undefined && { url }),
      ...(socket !== undefined && { socketPath: socket }),
      ...(tokenFile !== undefined && { tokenFile }),
      ...(insecureUnproven && { allowUnproven: true }),
      ...(insecureRemote && { allowInsecureRemote: true }),
    };
  }
}
