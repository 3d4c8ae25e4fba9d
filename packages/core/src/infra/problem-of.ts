// For tests of what works on paths: what a call refuses with.
import assert from 'node:assert/strict';
import { PathProblem } from './rooted-path.ts';

/** Message of the path problem that `run` throws; `none` when it does not. */
export function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof PathProblem, `a path problem, not ${String(error)}`);
    return error.message;
  }
  return 'none';
}
