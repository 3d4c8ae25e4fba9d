// The live export of a real daemon to a real collector.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '@car-runtime/client';
import type { Span } from '@car-runtime/core';
import { Collector, spansOf } from './collector.ts';
import { startDaemon } from './daemon-process.ts';

const variables = (collector: Collector, more: Record<string, string> = {}) => ({
  OTEL_SDK_DISABLED: undefined,
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20s3cret-key',
  ...more,
});

// req: telemetry.live, telemetry.credentials
test('a run is exported while it happens, as the spans that its export has, without its words', async () => {
  await using collector = await Collector.open();
  await using daemon = await startDaemon({
    env: variables(collector, {
      OTEL_BSP_SCHEDULE_DELAY: '1',
      OTEL_SERVICE_NAME: 'mine',
      CAR_AGENT_ID: 'worker',
    }),
  });
  const { ws, http, socket } = daemon.ready;
  const token = daemon.token('auth-token');
  await using car = await connect({ url: ws, token });
  await using host = await connect({ socketPath: socket, hostToken: daemon.token('host-token') });
  const { run_id } = await car.runs.start({ intent: 'private' });
  await car.proposal.submit({
    proposal: { actions: [{ type: 'state_write', parameters: { key: 'private', value: 'private' } }] },
  });
  const first = await collector.posted.next();
  assert.equal(first.headers.authorization, 'Bearer s3cret-key');
  assert.deepEqual(
    spansOf(first).map(({ name }) => name),
    ['execute_tool state_write'],
    'while the run is open',
  );
  await car.runs.complete({ run_id, outcome: { status: 'success', summary: 'private' } });
  const second = await collector.posted.next();
  assert.ok(!Buffer.concat([first.body, second.body]).includes('private'));
  assert.ok(second.body.includes('{"key":"service.name","value":{"stringValue":"mine"}}'));
  const { otlp } = await host.runs.export({ run_id });
  const [exported] = otlp['resourceSpans'] as { scopeSpans: { spans: Span[] }[] }[];
  assert.deepEqual([...spansOf(second), ...spansOf(first)], exported?.scopeSpans[0]?.spans);
  const read = async () => (await fetch(`${http}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  let metrics = await read();
  // The collector has them before the daemon knows.
  while (!/^car_spans_exported_total 2$/m.test(metrics)) metrics = await read();
  assert.match(metrics, /^car_spans_dropped_total\{reason="queue_full"\} 0$/m);
  assert.ok(!(daemon.stderr() + daemon.stdout() + metrics).includes('s3cret-key'));
});

// req: telemetry.flush
test('what waits when the daemon is stopped is sent, runs that it ends by that among it; words where they are asked for', async () => {
  await using collector = await Collector.open();
  await using daemon = await startDaemon({
    env: variables(collector, {
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
    }),
  });
  await using car = await connect({ url: daemon.ready.ws, token: daemon.token('auth-token') });
  await car.runs.start({ intent: 'private', agent_id: 'worker' });
  await car.proposal.submit({ proposal: { actions: [{ type: 'state_read', parameters: { key: 'private' } }] } });
  daemon.kill('SIGTERM');
  assert.deepEqual(await daemon.exit, { code: 0, signal: null });
  const spans = spansOf(await collector.posted.next());
  assert.deepEqual(
    spans.map(({ name, status }) => [name, status.message]),
    [
      ['execute_tool state_read', undefined],
      ['invoke_agent worker', 'incomplete'],
    ],
  );
  for (const { attributes } of spans) assert.ok(JSON.stringify(attributes).includes('private'));
});

// req: telemetry.dead-collector
test('a collector that never answers neither slows runs down nor keeps the daemon from ending', async () => {
  await using collector = await Collector.open(() => undefined);
  await using daemon = await startDaemon({
    env: variables(collector, { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_BSP_MAX_QUEUE_SIZE: '10' }),
  });
  const { ws, http } = daemon.ready;
  const token = daemon.token('auth-token');
  await using car = await connect({ url: ws, token });
  const actions = Array.from({ length: 100 }, () => ({ type: 'state_read' as const, parameters: { key: 'k' } }));
  const { run_id } = await car.runs.start({ intent: 'i', agent_id: 'worker' });
  await car.proposal.submit({ proposal: { actions } });
  await collector.posted.next();
  await car.proposal.submit({ proposal: { actions } });
  await car.runs.complete({ run_id, outcome: { status: 'success' } });
  const metrics = await (await fetch(`${http}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
  const lost = Number(/^car_spans_dropped_total\{reason="queue_full"\} (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(lost >= 150, `${lost} of 201 found no room`);
  assert.equal((await fetch(`${http}/readyz`)).status, 200);
  daemon.kill('SIGTERM');
  assert.deepEqual(await daemon.exit, { code: 0, signal: null });
});
