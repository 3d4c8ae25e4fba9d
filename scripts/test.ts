// npm test: every *.test.ts of the repository, or those named. Ends with one line: `N passed, N failed`.
//   npm test -- [path or folder ...] [--test-name-pattern=<regex>] [--long] [--slowest]
// With --long only tests that have a longer form, at full length. With --slowest also says which files took longest.
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { globSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

const places = ['scripts', 'packages', 'examples', 'bench']; // scripts first: packing is the slowest test

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    slowest: { type: 'boolean', default: false },
    'test-name-pattern': { type: 'string', multiple: true, default: [] },
  },
});
if (values.long) process.env['CAR_TEST_LONG'] = '1';
// Settings of whoever runs the tests are not the tests'.
for (const name of Object.keys(process.env)) if (/^(CAR_(?!TEST_|FUZZ_)|OTEL_)/.test(name)) delete process.env[name];
// Every file and every daemon it starts is a process of its own: half of what each takes is compiling the same sources.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/compiled');

const minuteMs = 60_000;
const testTimeoutMs = (values.long ? 30 : 2) * minuteMs;
const fileTimeoutMs = 4 * testTimeoutMs;

const named = (positionals.length > 0 ? positionals : places).flatMap(testFiles);
// All others are the same at any length.
const files = values.long ? named.filter((file) => readFileSync(file, 'utf8').includes('CAR_TEST_LONG')) : named;
let passed = 0;
let failed = 0;
const durations: [seconds: number, file: string][] = [];

killWhatHangs();
const results = run({
  files,
  concurrency: availableParallelism(),
  execArgv: [`--test-timeout=${testTimeoutMs}`],
  testNamePatterns: values['test-name-pattern'].map((pattern) => new RegExp(pattern)),
});
results.on('test:summary', ({ file, counts, duration_ms }) => {
  if (file !== undefined) return void durations.push([duration_ms / 1_000, file]); // the one of no file is of all
  passed = counts.passed;
  failed = counts.tests - counts.passed - counts.skipped - counts.todo;
});
const report = results.compose(spec);
report.pipe(process.stdout, { end: false });
await finished(report);

if (values.slowest) sayWhatWasSlow();
if (files.length === 0) console.log('There is no such test');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || files.length === 0 ? 1 : 0;

function sayWhatWasSlow(): void {
  for (const [seconds, file] of durations.toSorted(([a], [b]) => b - a).slice(0, 20))
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${relative(join(import.meta.dirname, '..'), file)}`);
}

/** The test files that `place` names: itself, or those below it. */
function testFiles(place: string): string[] {
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) return globSync(place);
  return globSync(`${place}/**/*.test.ts`, { exclude: (name) => name === 'node_modules' || name === 'dist' });
}

/** `--test-timeout` ends a test that waits for ever. A file that loops or leaves something open is killed, and fails. */
function killWhatHangs(): void {
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess };
    const timer = setTimeout(() => {
      console.log(`Killed after ${fileTimeoutMs / minuteMs} minutes: ${child.spawnargs.at(-1)}`);
      child.kill('SIGKILL');
    }, fileTimeoutMs);
    child.on('exit', () => clearTimeout(timer));
  });
}
