// Where a session's file tools may work instead of this machine: a connector's transport, or a sandbox. Once bound, a
// session never falls back to the host.
import type { ToolCall, ToolSchema } from '@car-runtime/engine';

/** A bound place. It answers the file tools as the built-in ones do: numbered lines, and a change only of what was read. */
export interface FileSubstrate extends AsyncDisposable {
  /** As the binding is answered, such as a connector's slug or `docker:python:3.11-slim`. */
  readonly name: string;
  /** What it can do besides the file tools, such as `shell`. */
  readonly tools: readonly ToolSchema[];
  /** Runs a file tool or one of `tools`; the message of a rejection is what the action reports. */
  call(call: ToolCall, signal: AbortSignal | undefined): Promise<unknown>;
}

/** Connectors whose transport can serve as file substrate. */
export interface SubstrateProvider {
  /** The substrate of a connector, for one session to keep and dispose; `undefined` when it is not connected. */
  open(connector: string, signal: AbortSignal): Promise<FileSubstrate | undefined>;
}

export interface SandboxOptions {
  /** Absolute path on the host, shown to the sandbox as its working directory. */
  readonly workingDir: string;
  readonly image: string;
  readonly network: string;
  readonly memory: string;
  readonly cpus: number;
  readonly pidsLimit: number;
  /** `undefined`: the provider's own. */
  readonly commandTimeoutSecs: number | undefined;
}

/** What runs sandboxes. It checks engine and image first and rejects when either is missing. */
export interface SandboxProvider {
  open(options: SandboxOptions, signal: AbortSignal): Promise<FileSubstrate>;
}

/** What a session is bound to. Binding again replaces; what is replaced is disposed. */
export class Binding implements AsyncDisposable {
  #current: FileSubstrate | undefined;
  #isClosed = false;

  get current(): FileSubstrate | undefined {
    return this.#current;
  }

  /** Takes a substrate over; when the session has ended meanwhile, only to dispose it. */
  async replace(substrate: FileSubstrate): Promise<void> {
    const former = this.#isClosed ? substrate : this.#current;
    if (!this.#isClosed) this.#current = substrate;
    await former?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const former = this.#current;
    this.#current = undefined;
    await former?.[Symbol.asyncDispose]();
  }
}
