// Whatever a model writes as a path, nothing outside the root is read, listed, found or written, and no canary is moved.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { TempFolder } from '@car-runtime/testkit/wire';
import { PathProblem } from '../../../infra/rooted-path.ts';
import { runJob, type FileJob, type FileOutcome } from './jobs.ts';

const numRuns = process.env['CAR_TEST_LONG'] === undefined ? 60 : 2_000;

/** What must never come out: content of every file outside, and a name that only exists there. */
const canary = 'CANARY';
const canaryName = 'only-outside';

function makeTrees(top: string): { root: string; outside: string } {
  const [root, outside] = [join(top, 'root'), join(top, 'outside')];
  for (const path of [root, outside, join(outside, 'inner'), join(root, 'a'), join(root, 'a/b'), join(root, 'private')])
    mkdirSync(path);
  for (const path of ['canary', canaryName, 'inner/canary', 'a']) writeFileSync(join(outside, path), canary);
  writeFileSync(join(top, 'canary'), canary);
  writeFileSync(join(`${top}/root-beside`), canary);
  writeFileSync(join(root, 'private/canary'), canary);
  for (const path of ['one', 'a/two', 'a/b/three']) writeFileSync(join(root, path), 'inside');
  return { root, outside };
}

/** Every file below a folder with its content, but not below `except`. */
function snapshot(folder: string, except: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (path === except) return [];
    return entry.isDirectory() ? [path, ...snapshot(path, except)] : [`${path}: ${readFileSync(path, 'utf8')}`];
  });
}

const name = fc.constantFrom('a', 'b', 'one', 'two', 'three', 'canary', 'inner', 'l0', 'l1', 'l2', 'private');
const part = fc.oneof(
  { weight: 8, arbitrary: name },
  { weight: 3, arbitrary: fc.constantFrom('..', '.', '', '...', ' ', '~', 'A', 'ONE', '.git', 'root', 'outside') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\0', '..\0', '%2e%2e', '..\\', '..%2f', '\u2024\u2024', '．．', '..;', 'c:', '\ud800'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
);
const anything = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));
/** Something below the root, perhaps through a link. */
const likely = fc.oneof(
  fc.constantFrom('one', 'a', 'a/two', 'a/b', 'a/b/three', '.', 'l0', 'l1', 'l2', 'private', 'private/canary'),
  fc
    .tuple(fc.constantFrom('a/', 'a/b/', 'l0/', 'l1/', 'a/l0/', 'a/l2/', 'l0/l1/'), name)
    .map(([folder, last]) => folder + last),
);
const relative = fc.oneof(anything, likely);

/** A path as the trees' folder has it, once it is known. */
type Made = (top: string) => string;
const path: fc.Arbitrary<Made> = fc.oneof(
  { weight: 6, arbitrary: relative.map((text) => () => text) },
  { weight: 1, arbitrary: relative.map((text) => (top: string) => `${top}/root/${text}`) },
  { weight: 1, arbitrary: relative.map((text) => (top: string) => `${top}/outside/${text}`) },
  { weight: 1, arbitrary: relative.map((text) => (top: string) => `..${top}/outside/${text}`) },
);
const target: fc.Arbitrary<Made> = fc.oneof(
  path,
  fc.constantFrom<Made>(
    (top) => `${top}/outside`,
    (top) => `${top}/outside/canary`,
    (top) => top,
    (top) => `${top}/root-beside`,
    (top) => `${top}/root/../outside`,
    () => '..',
    () => '../outside',
    () => '../../outside/inner',
    () => 'a/../..',
    () => 'private',
    () => '/',
    (top) => `${top}/root/a`,
    () => 'a/b',
  ),
);
const link = fc.tuple(fc.constantFrom('l0', 'l1', 'l2', 'a/l0', 'a/b/l1', 'a/l2'), target);

type Call = (path: string) => Pick<FileJob, 'kind' | 'parameters'> & { seen?: string };
const call: fc.Arbitrary<Call> = fc.constantFrom<Call>(
  (each) => ({ kind: 'read_file', parameters: { path: each } }),
  (each) => ({ kind: 'list_dir', parameters: { path: each } }),
  (each) => ({ kind: 'find_files', parameters: { path: each, pattern: '*', exclude: [] } }),
  (each) => ({ kind: 'grep_files', parameters: { path: each, pattern: 'CANARY|inside', exclude: [] } }),
  (each) => ({ kind: 'write_file', parameters: { path: each, content: 'written' } }),
  (each) => ({ kind: 'edit_file', parameters: { path: each, old_string: canary, new_string: 'edited' } }),
);

/** Runs a call; a change is tried again as one that has seen the content, which a session may have read elsewhere. */
async function run(job: FileJob): Promise<FileOutcome | undefined> {
  try {
    return (await runJob(job, new SharedArrayBuffer(4))) as FileOutcome;
  } catch (error) {
    // Anything but a path problem would be a fault of ours.
    assert.ok(error instanceof PathProblem, `a path problem, not ${String((error as Error).stack)}`);
    return undefined;
  }
}

// req: builtins.containment
test('P: no path reads, lists, finds or writes anything outside the root', async () => {
  const digests = await import('./read.ts').then(({ digestOf }) =>
    [canary, 'inside'].map((text) => digestOf(Buffer.from(text))),
  );
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(link, { maxLength: 4 }),
      fc.array(fc.tuple(call, path), { minLength: 1, maxLength: 20, size: 'max' }),
      async (links, calls) => {
        using folder = new TempFolder();
        const top = realpathSync(folder.path);
        const { root } = makeTrees(top);
        for (const [place, made] of links) {
          try {
            symlinkSync(made(top), join(root, place));
          } catch {
            // Two links of one name, or a target that no link can have.
          }
        }
        const before = [...snapshot(top, root), ...snapshot(join(root, 'private'), '')];
        for (const [makeCall, made] of calls) {
          for (const seen of digests) {
            const job = { root, privatePaths: [join(root, 'private')], seen, ...makeCall(made(top)) } as FileJob;
            const answer = JSON.stringify((await run(job))?.output ?? null);
            if (answer !== 'null') answers++;
            assert.ok(!answer.includes(canary), `${job.kind} ${JSON.stringify(job.parameters)} answered ${answer}`);
            assert.ok(!answer.includes(canaryName), `${job.kind} ${JSON.stringify(job.parameters)} listed ${answer}`);
          }
        }
        assert.deepEqual([...snapshot(top, root), ...snapshot(join(root, 'private'), '')], before);
      },
    ),
    { numRuns },
  );
  assert.ok(answers > numRuns / 2, `only ${answers} calls found something below the root`);
});
