import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateRoot } from '@car-runtime/client/node-paths';
import { formatJournalReport, verifyJournal, type JournalReport } from '@car-runtime/core/journal';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { safeJson } from '../plan/plan-text.ts';
import { startProgress } from '../progress.ts';
import { paint, printLine, shown, talk } from '../terminal.ts';

export async function run({ context, args: [path = ''], options }: CommandInput): Promise<number> {
  const given = typeof options['key'] === 'string' ? options['key'] : undefined;
  const key = given ?? keyOfStateRoot();
  const judged = await judge(path, { key, isGiven: given !== undefined });
  if (judged === undefined) return exitCode.usage;
  const { report, verdict } = judged;
  if (context.isJson) printLine(safeJson({ verdict, key: key ?? null, ...report }));
  else printReport(judged, { key, isGiven: given !== undefined });
  return verdict === 'intact' || verdict === 'unprotected' ? exitCode.ok : exitCode.failed;
}

interface KeyChoice {
  /** Path of the public key that signatures are checked with, if any. */
  readonly key: string | undefined;
  /** Whether it was named; else it is the state root's. */
  readonly isGiven: boolean;
}

interface Judged {
  readonly report: JournalReport;
  readonly verdict: Verdict;
}

function keyOfStateRoot(): string | undefined {
  const path = join(stateRoot(), 'journal-key.pub');
  return existsSync(path) ? path : undefined;
}

async function judge(path: string, { key, isGiven }: KeyChoice): Promise<Judged | undefined> {
  const report = await read(path, key === undefined ? undefined : readKey(key));
  if (report === undefined) return undefined;
  const verdict = verdictOf(report, key !== undefined);
  if (isGiven || key === undefined || verdict === 'intact') return { report, verdict };
  // The journal may be of another state root: then its signatures are not wrong, they are another's.
  const unkeyed = await read(path, undefined);
  if (unkeyed === undefined) return undefined;
  const own = verdictOf(unkeyed, false);
  return { report: own === 'tampered' ? report : unkeyed, verdict: own === 'intact' ? 'unproven' : own };
}

/** `unprotected`: nothing is wrong, and nothing could have shown it. `unproven`: a key was given, and nothing in the
 *  journal was signed with it: whoever takes the checkpoints away shall not pass for their writer. */
type Verdict = 'intact' | 'unprotected' | 'unproven' | 'tampered';

function verdictOf({ problemCount, chain, checkpoints }: JournalReport, hasKey: boolean): Verdict {
  if (problemCount > 0) return 'tampered';
  if (hasKey && checkpoints.state !== 'trusted') return 'unproven';
  return chain.state === 'off' && checkpoints.state === 'none' ? 'unprotected' : 'intact';
}

/** `undefined` when there is no journal to judge; that is said. */
async function read(path: string, publicKey: KeyObject | undefined): Promise<JournalReport | undefined> {
  const fail = (message: string): undefined => {
    talk(`${paint('red', 'car:', process.stderr)} ${shown(path)}: ${shown(message)}`);
  };
  try {
    using _progress = startProgress('reading the journal');
    const report = await verifyJournal(path, publicKey ? { publicKey } : {});
    const malformed = report.problems.filter(({ kind }) => kind === 'malformed_line').length;
    const isNothing = report.checkpoints.state === 'none' && report.chain.state === 'off';
    // Every problem is a line that is no event, and so is every line.
    if (isNothing && report.lines > 0 && report.problemCount === report.lines && malformed === report.problems.length)
      return fail('not a journal: no line is an event');
    if (isNothing && report.lines === 0 && report.isTorn) return fail('not a journal: it has no whole line');
    return report;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return fail(`cannot be read: ${(error as Error).message}`);
  }
}

function readKey(path: string): KeyObject {
  try {
    const key = createPublicKey(readFileSync(path));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`an Ed25519 key is wanted, not ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw new UsageError(`Cannot use ${path} as a public key: ${(error as Error).message}`);
  }
}

const verdictLines: Readonly<Record<Verdict, [style: 'green' | 'yellow' | 'red', text: string]>> = {
  intact: ['green', '✓ intact'],
  unprotected: ['yellow', '? nothing is wrong, but this journal has no hash chain that would show it'],
  unproven: ['red', '✗ unproven: no checkpoint is signed with this key'],
  tampered: ['red', '✗ tampered with or cut off'],
};

function printReport({ report, verdict }: Judged, { key, isGiven }: KeyChoice): void {
  const { firstBadLine, isTruncated } = report;
  const [style, text] = verdictLines[verdict];
  const where = [
    ...(verdict === 'intact' && key === undefined ? ['signatures not checked'] : []),
    ...(verdict === 'unproven' && !isGiven ? [`that of this state root: ${shown(key)}; name another with --key`] : []),
    ...(firstBadLine === undefined ? [] : [`first bad line ${firstBadLine}`]),
    ...(isTruncated.start ? ['the beginning is missing'] : []),
    ...(isTruncated.end ? ['the end is missing'] : []),
  ];
  printLine(paint(style, [text, ...where].join(', ')));
  // Its last line is a verdict of its own, which knows nothing of the key.
  for (const line of formatJournalReport(report).slice(0, -1))
    printLine(`  ${shown(isGiven ? line : line.replace('the given key', "this state root's key"))}`);
}
