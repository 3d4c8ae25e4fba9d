import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultResource } from '@car-runtime/core/daemon';
import { readTelemetrySettings, type TelemetrySettings } from './settings.ts';

function read(env: Record<string, string>): { settings: TelemetrySettings | undefined; warnings: string[] } {
  const warnings: string[] = [];
  return { settings: readTelemetrySettings({ env, warn: (warning) => warnings.push(warning) }), warnings };
}

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

// req: telemetry.variables
test('with an endpoint alone everything else is as the specification has it', () => {
  const { settings, warnings } = read(endpoint);
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    { ...settings, url: settings?.url.href },
    {
      url: 'http://collector:4318/v1/traces',
      headers: {},
      protocol: 'http/protobuf',
      isCompressed: false,
      resource: defaultResource,
      hasContent: false,
      timeoutMs: 10_000,
      exportTimeoutMs: 30_000,
      delayMs: 5_000,
      maxQueuedSpans: 2_048,
      maxBatchSpans: 512,
    },
  );
});

// req: telemetry.variables
test('what is set for traces goes before what is set for all signals, and its URL is used as it is', () => {
  const { settings, warnings } = read({
    ...endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/in?key=1',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1,B=two%20words,',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TIMEOUT: '1',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_SERVICE_NAME: 'mine',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=theirs,team=a%2Cb',
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'True',
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_BSP_EXPORT_TIMEOUT: '20',
    OTEL_BSP_MAX_QUEUE_SIZE: '30',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '40',
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    { ...settings, url: settings?.url.href },
    {
      url: 'https://other/in?key=1',
      headers: { a: '2', b: 'two words' },
      protocol: 'http/json',
      isCompressed: true,
      resource: { ...defaultResource, 'service.name': 'mine', team: 'a,b' },
      hasContent: true,
      timeoutMs: 2,
      exportTimeoutMs: 20,
      delayMs: 10,
      maxQueuedSpans: 30,
      maxBatchSpans: 30,
    },
  );
});

// req: telemetry.variables
test('nothing is exported where the variables say so', () => {
  for (const env of [{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
    assert.deepEqual(read({ ...endpoint, ...env }), { settings: undefined, warnings: [] });
  }
  assert.equal(read({ OTEL_TRACES_EXPORTER: 'otlp' }).settings?.url.href, 'http://localhost:4318/v1/traces');
});

// req: telemetry.variables, telemetry.credentials
test('a variable that cannot be used is named, its value is not, and the daemon goes on', () => {
  const bad = {
    OTEL_EXPORTER_OTLP_HEADERS: 'good=1,s3cret,x=%s3cret,bad key=s3cret,n=s3cret%0D%0Ax',
    OTEL_EXPORTER_OTLP_PROTOCOL: 's3cret',
    OTEL_EXPORTER_OTLP_COMPRESSION: 's3cret',
    OTEL_EXPORTER_OTLP_TIMEOUT: 's3cret',
    OTEL_BSP_MAX_QUEUE_SIZE: '0',
    OTEL_RESOURCE_ATTRIBUTES: 's3cret',
  };
  const { settings, warnings } = read({ ...endpoint, ...bad });
  for (const name of Object.keys(bad))
    assert.ok(
      warnings.some((warning) => warning.startsWith(`${name}: `)),
      name,
    );
  assert.ok(!JSON.stringify(warnings).includes('s3cret'));
  assert.deepEqual(
    [settings?.headers, settings?.protocol, settings?.timeoutMs, settings?.maxQueuedSpans, settings?.resource],
    [{ good: '1' }, 'http/protobuf', 10_000, 2_048, defaultResource],
  );
  for (const url of ['s3cret', 'ftp://s3cret', 'http://']) {
    const { settings: none, warnings: said } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    assert.deepEqual(
      [none, said],
      [undefined, ['OTEL_EXPORTER_OTLP_ENDPOINT: not an http or https URL; no spans are exported']],
    );
  }
  assert.equal(read({ ...endpoint, OTEL_TRACES_EXPORTER: 'zipkin' }).settings, undefined);
});

// req: telemetry.credentials
test('a user in the URL becomes a header and leaves the URL', () => {
  const { settings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:p%40ss@collector/base/' });
  assert.equal(settings?.url.href, 'https://collector/base/v1/traces');
  assert.deepEqual(settings?.headers, { authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` });
});
