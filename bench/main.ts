// npm run bench [name...] [--json FILE] [--rounds N] [--duration MS] [--profile]
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callback } from './callback.ts';
import { isMet, toTable, type Options, type Row } from './harness/report.ts';
import { isPinned, pinLoad } from './harness/server-process.ts';
import { idle } from './idle.ts';
import { loopDelay } from './loop-delay.ts';
import { rpc } from './rpc.ts';
import { startup } from './startup.ts';

const benchmarks: Record<string, (options: Options) => Promise<Row[]>> = {
  rpc,
  callback,
  startup,
  idle,
  'loop-delay': loopDelay,
};
const resultsFolder = join(import.meta.dirname, 'results');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string', default: join(resultsFolder, 'latest.json') },
    rounds: { type: 'string', default: '15' },
    duration: { type: 'string', default: '300' },
    profile: { type: 'boolean', default: false },
  },
});

const unknown = positionals.find((name) => !(name in benchmarks));
if (unknown !== undefined) {
  console.error(`No benchmark "${unknown}"; there are ${Object.keys(benchmarks).join(', ')}`);
  process.exit(1);
}

const options: Options = {
  rounds: Number(values.rounds),
  durationMs: Number(values.duration),
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
