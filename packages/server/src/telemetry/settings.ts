// Where spans go and how, from the standard variables of OpenTelemetry. A variable that cannot be used is named in a warning
// and left out: telemetry keeps no daemon from starting. Values are never shown, since headers and URLs hold credentials.
import { defaultResource } from '@car-runtime/core/daemon';

export type Protocol = 'http/json' | 'http/protobuf';

export interface TelemetrySettings {
  /** Without credentials. */
  url: URL;
  headers: Readonly<Record<string, string>>;
  protocol: Protocol;
  isCompressed: boolean;
  resource: Readonly<Record<string, string>>;
  /** Whether prompts, parameters, outputs and words of agents go along. */
  hasContent: boolean;
  /** Of one request. */
  timeoutMs: number;
  /** Of one batch with all its attempts. */
  exportTimeoutMs: number;
  /** How long a span waits for others at most. */
  delayMs: number;
  maxQueuedSpans: number;
  maxBatchSpans: number;
}

export interface TelemetryInput {
  env: Readonly<Record<string, string | undefined>>;
  warn: (warning: string) => void;
}

/** `undefined` when nothing asks for an export. */
export function readTelemetrySettings(input: TelemetryInput): TelemetrySettings | undefined {
  const { env, warn } = input;
  const get = (name: string): string | undefined => env[name]?.trim() || undefined;
  const exporter = get('OTEL_TRACES_EXPORTER');
  if (get('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none') return undefined;
  if (exporter !== undefined && exporter !== 'otlp') {
    warn('OTEL_TRACES_EXPORTER: only "otlp" and "none" are known; no spans are exported');
    return undefined;
  }
  const url = readUrl(get, warn);
  if (!url) return undefined;
  const headers = readHeaders(input);
  if (url.username !== '' || url.password !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] ??= `Basic ${Buffer.from(user).toString('base64')}`;
    url.username = '';
    url.password = '';
  }
  const positive = (name: string, standard: number): number => readNumber(get(name), name, standard, warn);
  const timeoutName = firstSet(get, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT');
  const maxQueuedSpans = positive('OTEL_BSP_MAX_QUEUE_SIZE', 2_048);
  return {
    url,
    headers,
    protocol: readProtocol(get, warn),
    isCompressed: readCompression(get, warn),
    resource: readResource(input),
    hasContent: get('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT')?.toLowerCase() === 'true',
    timeoutMs: positive(timeoutName, 10_000),
    exportTimeoutMs: positive('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
    delayMs: positive('OTEL_BSP_SCHEDULE_DELAY', 5_000),
    maxQueuedSpans,
    maxBatchSpans: Math.min(positive('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512), maxQueuedSpans),
  };
}

type Get = (name: string) => string | undefined;
type Warn = TelemetryInput['warn'];

/** The one of these that is set; what is for traces alone comes first. */
function firstSet(get: Get, forTraces: string, general: string): string {
  return get(forTraces) === undefined ? general : forTraces;
}

function readUrl(get: Get, warn: Warn): URL | undefined {
  const name = firstSet(get, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT');
  const given = get(name) ?? 'http://localhost:4318';
  const url = URL.parse(given);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    warn(`${name}: not an http or https URL; no spans are exported`);
    return undefined;
  }
  // The endpoint of all signals is their common base, that of one signal is used as it is.
  if (name === 'OTEL_EXPORTER_OTLP_ENDPOINT') url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  url.hash = '';
  return url;
}

function readProtocol(get: Get, warn: Warn): Protocol {
  const name = firstSet(get, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const protocol = get(name) ?? 'http/protobuf';
  if (protocol === 'http/json' || protocol === 'http/protobuf') return protocol;
  warn(`${name}: only "http/protobuf" and "http/json" are known; spans are sent as http/protobuf`);
  return 'http/protobuf';
}

function readCompression(get: Get, warn: Warn): boolean {
  const name = firstSet(get, 'OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'OTEL_EXPORTER_OTLP_COMPRESSION');
  const compression = get(name) ?? 'none';
  if (compression !== 'gzip' && compression !== 'none') {
    warn(`${name}: only "gzip" and "none" are known; spans are sent as they are`);
  }
  return compression === 'gzip';
}

function readHeaders({ env, warn }: TelemetryInput): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']) {
    for (const [key, value] of readPairs(name, { env, warn })) {
      try {
        headers[key.toLowerCase()] = new Headers([[key, value]]).get(key) ?? '';
      } catch {
        // The cause would quote the value.
        warn(`${name}: there is a header that HTTP does not allow; it is left out`);
      }
    }
  }
  return headers;
}

function readResource(input: TelemetryInput): Record<string, string> {
  const name = input.env['OTEL_SERVICE_NAME']?.trim();
  return {
    ...defaultResource,
    ...Object.fromEntries(readPairs('OTEL_RESOURCE_ATTRIBUTES', input)),
    ...(name && { 'service.name': name }),
  };
}

/** `key=value,key=value`, percent-encoded. */
function readPairs(name: string, { env, warn }: TelemetryInput): [key: string, value: string][] {
  return (env[name] ?? '').split(',').flatMap((entry): [string, string][] => {
    if (entry.trim() === '') return [];
    const [, key = '', value = ''] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(entry) ?? [];
    try {
      if (key !== '') return [[decodeURIComponent(key), decodeURIComponent(value.trim())]];
    } catch {
      // Not percent-encoded: said below.
    }
    warn(`${name}: an entry is no key=value, percent-encoded; it is left out`);
    return [];
  });
}

function readNumber(given: string | undefined, name: string, standard: number, warn: Warn): number {
  if (given === undefined) return standard;
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  warn(`${name}: not a whole number above 0; ${standard} is used`);
  return standard;
}
