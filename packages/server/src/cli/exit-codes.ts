/** What the exit status of every command means. Each command's help lists the ones it uses. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  stopped: 3,
  unknown: 4,
} as const;

/** The command was called wrongly: printed with a hint at its help, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The command that was called, `plan check`; empty for none of them. */
  command = '';
}
