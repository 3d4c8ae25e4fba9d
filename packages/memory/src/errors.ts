/** What this package throws on purpose; `reason` is stable and meant for programs. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
  readonly reason: string;
  /** The field at fault, such as `facts[3].id`; absent when the fault lies with the call as a whole. */
  readonly field: string | undefined;

  constructor(reason: string, message: string, field?: string) {
    super(message);
    this.reason = reason;
    this.field = field;
  }
}
