// Programs of the system that some tests drive. Where one is missing the test is skipped and says so, except where
// CAR_TEST_REQUIRE_PROGRAMS is set (as in CI): there a missing program is a failure.
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

const chromiums = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const pythons = ['python3', '/usr/bin/python3'];

export function chromiumPath(): string | undefined {
  return process.env['CHROMIUM'] ?? chromiums.map(which).find((path) => path !== undefined);
}

/** Path of a Chromium, or undefined after skipping the test. */
export function findChromium(context: TestContext): string | undefined {
  return chromiumPath() ?? missing(context, 'no Chromium found (Debian: apt-get install chromium, or set CHROMIUM)');
}

/** A Python that has the "websockets" package, or undefined after skipping the test. */
export function findPython(context: TestContext): string | undefined {
  const found = pythons.find((python) => spawnSync(python, ['-c', 'import websockets']).status === 0);
  return found ?? missing(context, 'no Python with "websockets" found (Debian: apt-get install python3-websockets)');
}

function which(program: string): string | undefined {
  const { status, stdout } = spawnSync('which', [program], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function missing(context: TestContext, why: string): undefined {
  if (process.env['CAR_TEST_REQUIRE_PROGRAMS']) throw new Error(why);
  context.skip(why);
}
