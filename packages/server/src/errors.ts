/** A setting that cannot be used. The program prints the message and exits with status 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The daemon cannot start although its settings are fine. The program prints the message and exits with status 1. */
export class StartError extends Error {
  override readonly name = 'StartError';

  /** `Cannot <what>: <why>`, where the cause says why. */
  static of(what: string, cause: unknown): StartError {
    return new StartError(`Cannot ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
