import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Span } from '@car-runtime/core';
import { RecordingLogger } from '@car-runtime/testkit';
import { Collector, spansOf, taken } from '../../test/collector.ts';
import { readTelemetrySettings } from './settings.ts';
import { SpanExporter } from './span-exporter.ts';

const span = (name: string, text = ''): Span => ({
  traceId: 'ab'.repeat(16),
  spanId: '01'.repeat(8),
  name,
  kind: 1,
  startTimeUnixNano: '1',
  endTimeUnixNano: '2',
  attributes: [{ key: 'text', value: { stringValue: text } }],
  status: {},
});

/** Unless a test says otherwise, the end waits for what is on its way, however busy the machine is. */
function exporterTo(url: string, env: Record<string, string> = {}, options = { flushMs: 60_000 }) {
  const logger = new RecordingLogger();
  const settings = readTelemetrySettings({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env },
    warn: assert.fail,
  });
  assert.ok(settings);
  return { logger, exporter: new SpanExporter(settings, logger, options) };
}

const dropped = { queueFull: 0, rejected: 0, failed: 0 };

// req: telemetry.batches
test('spans leave in full batches at once, the rest when their time has come or the daemon ends', async () => {
  await using collector = await Collector.open();
  const { exporter } = exporterTo(collector.url, {
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2',
    OTEL_BSP_SCHEDULE_DELAY: '600000',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=k',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  });
  for (const name of ['a', 'b', 'c']) exporter.add(span(name));
  const first = await collector.posted.next();
  assert.deepEqual([first.method, first.path, first.headers['x-key']], ['POST', '/v1/traces', 'k']);
  assert.equal(first.headers['content-type'], 'application/json');
  assert.deepEqual(
    spansOf(first).map(({ name }) => name),
    ['a', 'b'],
  );
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual(
    spansOf(await collector.posted.next()).map(({ name }) => name),
    ['c'],
  );
  assert.deepEqual(exporter.counts, { exported: 3, ...dropped });

  const { exporter: soon } = exporterTo(collector.url, { OTEL_BSP_SCHEDULE_DELAY: '1' });
  soon.add(span('d'));
  assert.equal(spansOf(await collector.posted.next())[0]?.name, 'd', 'when its time has come');
  await soon[Symbol.asyncDispose]();
});

// req: telemetry.bounded
test('what finds no room is counted and forgotten, by number and by bytes', async () => {
  await using collector = await Collector.open();
  const few = exporterTo(collector.url, { OTEL_BSP_MAX_QUEUE_SIZE: '3', OTEL_BSP_SCHEDULE_DELAY: '600000' }).exporter;
  for (let n = 0; n < 10; n++) few.add(span(`s${n}`));
  await few[Symbol.asyncDispose]();
  assert.deepEqual(few.counts, { exported: 6, ...dropped, queueFull: 4 }, 'a batch on its way, and as many behind it');

  const large = exporterTo(collector.url, { OTEL_BSP_SCHEDULE_DELAY: '600000' }).exporter;
  const text = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 20; n++) large.add(span(`s${n}`, text));
  await large[Symbol.asyncDispose]();
  assert.deepEqual(large.counts, { exported: 16, ...dropped, queueFull: 4 });
  large.add(span('late'));
  assert.equal(large.counts.queueFull, 5, 'nothing is taken after the end');
});

// req: telemetry.dead-collector
test('a collector that is not there is said once, and every span is counted as lost', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  const { exporter, logger } = exporterTo(`http://user:s3cret@127.0.0.1:${port}/?key=s3cret`, {
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BSP_EXPORT_TIMEOUT: '50',
  });
  for (let n = 0; n < 5; n++) exporter.add(span('a'));
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual(exporter.counts, { exported: 0, ...dropped, failed: 5 });
  assert.deepEqual(
    logger.records.map(({ level, message, fields }) => [level, message, fields['collector']]),
    [['warn', 'spans not exported', `http://127.0.0.1:${port}/v1/traces`]],
  );
  assert.ok(!JSON.stringify(logger.records).includes('s3cret'));
});

// req: telemetry.dead-collector
test('a collector that never answers holds the end of the daemon up for no longer than the limit', async () => {
  await using collector = await Collector.open(() => undefined);
  const { exporter } = exporterTo(collector.url, {}, { flushMs: 20 });
  exporter.add(span('a'));
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual(exporter.counts, { exported: 0, ...dropped, failed: 1 });
});

// req: telemetry.retry
test('a busy collector is asked again, one that refuses or sends elsewhere is not', async () => {
  await using collector = await Collector.open((response) => void response.writeHead(503).end(), taken);
  const busy = exporterTo(collector.url, { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' });
  busy.exporter.add(span('a'));
  const [first, second] = [await collector.posted.next(), await collector.posted.next()];
  assert.deepEqual(first.body, second.body);
  await busy.exporter[Symbol.asyncDispose]();
  assert.deepEqual(busy.exporter.counts, { exported: 1, ...dropped });

  await using other = await Collector.open();
  for (const [status, why] of [
    [400, 'the collector answers HTTP 400'],
    [307, 'no connection'],
  ] as const) {
    await using refusing = await Collector.open(
      (response) => void response.writeHead(status, { location: other.url }).end(),
    );
    const refused = exporterTo(refusing.url, { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=s3cret' });
    refused.exporter.add(span('a'));
    await refused.exporter[Symbol.asyncDispose]();
    assert.deepEqual(refused.exporter.counts, { exported: 0, ...dropped, failed: 1 });
    assert.deepEqual(
      refused.logger.records.map(({ fields }) => fields['why']),
      [why],
    );
  }
  assert.equal(other.posted.size, 0, 'credentials go nowhere else');
});

// req: telemetry.retry
test('spans that a collector took out of a batch are counted as rejected', async () => {
  const partial = JSON.stringify({ partialSuccess: { rejectedSpans: '1', errorMessage: 'no' } });
  await using collector = await Collector.open((response) => void response.writeHead(200).end(partial));
  const { exporter } = exporterTo(collector.url);
  for (const name of ['a', 'b']) exporter.add(span(name));
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual(exporter.counts, { exported: 1, ...dropped, rejected: 1 });
});
