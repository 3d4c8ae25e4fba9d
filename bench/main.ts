// npm run bench [name...] [--json FILE] [--rounds N] [--duration MS] [--warm-up MS] [--profile] [--short]
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchmarks } from './benchmarks.ts';
import { isMet, toTable, type Options, type Row } from './harness/report.ts';
import { isPinned, pinLoad } from './harness/server-process.ts';

const resultsFolder = join(import.meta.dirname, 'results');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string', default: join(resultsFolder, 'latest.json') },
    rounds: { type: 'string', default: '15' },
    duration: { type: 'string', default: '300' },
    // Half of that is too little.
    'warm-up': { type: 'string', default: '5000' },
    profile: { type: 'boolean', default: false },
    // Only to see that everything runs.
    short: { type: 'boolean', default: false },
  },
});

const unknown = positionals.find((name) => !(name in benchmarks));
if (unknown !== undefined) {
  console.error(`No benchmark "${unknown}"; there are ${Object.keys(benchmarks).join(', ')}`);
  process.exit(1);
}

const options: Options = {
  ...(values.short
    ? { rounds: 1, durationMs: 20, warmUpMs: 20 }
    : { rounds: Number(values.rounds), durationMs: Number(values.duration), warmUpMs: Number(values['warm-up']) }),
  isShort: values.short,
  profileFolder: values.profile ? resultsFolder : undefined,
};
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  isPinned,
};
console.log(
  `${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}, ${isPinned ? 'server and load on cores of their own' : 'not pinned'}`,
);

pinLoad();
const rows: Row[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
  process.stderr.write(`${name} ...\n`);
  rows.push(...((await benchmarks[name]?.(options)) ?? []));
}
console.log(toTable(rows));

const file = resolve(values.json);
mkdirSync(dirname(file), { recursive: true });
const results = {
  date: new Date().toISOString(),
  machine,
  options,
  rows: rows.map((row) => ({ ...row, isMet: isMet(row) ?? null })),
};
writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(`Written to ${file}`);
