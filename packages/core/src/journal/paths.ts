import { basename } from 'node:path';

const journalSuffix = '.jsonl';
const checkpointSuffix = '.checkpoints.jsonl';
const replacementSuffix = '.jsonl.tmp';

/** The checkpoints of a journal, in the file beside it. */
export function checkpointsPathOf(journalPath: string): string {
  return `${withoutSuffix(journalPath, journalSuffix)}${checkpointSuffix}`;
}

/** Where a shorter journal is written before it takes the place of the long one. */
export function replacementPathOf(journalPath: string): string {
  return `${withoutSuffix(journalPath, journalSuffix)}${replacementSuffix}`;
}

/** The client id a file belongs to: a journal, its checkpoints, or a replacement left by a crash. `undefined` for
 *  other files. */
export function clientIdOf(path: string): string | undefined {
  const name = basename(path);
  const suffix = [checkpointSuffix, replacementSuffix, journalSuffix].find((each) => name.endsWith(each));
  return suffix === undefined || name === suffix ? undefined : withoutSuffix(name, suffix);
}

function withoutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}
