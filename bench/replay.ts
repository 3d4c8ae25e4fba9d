// A finished run of 2 000 turns from its file, against reading that file and sending it.
import { compare, type Workload } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { RunProducer, turnsPerRun } from './harness/run-producer.ts';
import { ServerProcess } from './harness/server-process.ts';
import { throughputRow } from './rpc.ts';

export async function replay(options: Options): Promise<Row[]> {
  await using ours = await ServerProcess.start('agents', { profileFolder: options.profileFolder });
  await using baseline = await ServerProcess.start('runs', { args: ['--files'] });
  const comparison = await compare(
    ours,
    baseline,
    toWorkload(await recordRun(ours)),
    options,
    toWorkload(await recordRun(baseline)),
  );
  return [throughputRow('replay of 2 000 turns', undefined, comparison)];
}

function toWorkload(run_id: string): Workload {
  const request = { method: 'runs.get_trace', params: { run_id }, checkResult: checkTrace };
  return { connections: 4, depth: 1, requests: [request], isHost: true };
}

async function recordRun(server: ServerProcess): Promise<string> {
  const producer = await RunProducer.open(server, 0, 1);
  await producer.startRun();
  await producer.fillRun();
  await producer.completeRun();
  await producer.close();
  return producer.runId;
}

function checkTrace(result: unknown): string | undefined {
  const { records } = result as { records: { record: string; index?: number }[] };
  const turns = records.filter(({ record }) => record === 'turn');
  return turns.length === turnsPerRun && turns.every(({ index }, at) => index === at)
    ? undefined
    : `${turns.length} turns`;
}
