// A short question to a program: what it prints within a time.
import { Child, type ChildOptions } from './child.ts';

const maxOutputBytes = 64 * 1024;

export interface Answer {
  readonly code: number | null;
  readonly output: string;
  readonly errorText: string;
  /** Why there is none. */
  readonly problem?: string;
}

export async function ask(options: Omit<ChildOptions, 'cwd'>, timeoutMs: number): Promise<Answer> {
  let output = Buffer.alloc(0);
  let child: Child;
  try {
    child = await Child.launch({ ...options, cwd: undefined }, (bytes) => {
      if (output.length < maxOutputBytes) output = Buffer.concat([output, bytes]).subarray(0, maxOutputBytes);
    });
  } catch (error) {
    return { code: null, output: '', errorText: '', problem: (error as Error).message };
  }
  child.stdin.end();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void child.end();
  }, timeoutMs);
  const { code, signal } = await child.ended;
  clearTimeout(timer);
  const problem = isLate
    ? `it did not answer within ${timeoutMs / 1_000} s`
    : signal === null
      ? undefined
      : `it was ended by ${signal}`;
  return {
    code,
    output: output.toString('utf8'),
    errorText: child.errorText,
    ...(problem !== undefined && { problem }),
  };
}
