// npm run bench:memory -- --data DIR: how good the memory is, on data that is not part of this repository.
import { parseArgs } from 'node:util';
import { measureQuality, toQualityTable } from './quality.ts';

const { values } = parseArgs({ options: { data: { type: 'string' } } });
const tables = values.data === undefined ? {} : measureQuality(values.data);
if (Object.keys(tables).length === 0) {
  const where = values.data === undefined ? 'no --data DIR was given' : `${values.data} holds none of it`;
  console.error(`SKIPPED: the quality of the memory was not measured, ${where}.`);
  console.error(
    'The folder should hold statebench-train.jsonl, statebench-dev.jsonl (StateBench) and locomo-dev.json (LoCoMo).',
  );
} else {
  for (const [title, lines] of Object.entries(tables)) console.log(`${toQualityTable(title, lines)}\n`);
  const missed = Object.values(tables).flat().filter(({ goal, isMet }) => goal !== 'none' && !isMet); // prettier-ignore
  if (missed.length > 0) process.exitCode = 1;
}
