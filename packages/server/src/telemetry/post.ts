// One request to a collector, and what its answer means (OpenTelemetry Protocol, OTLP/HTTP).
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { TelemetrySettings } from './settings.ts';

const compress = promisify(gzip);
const retryableStatuses = new Set([429, 502, 503, 504]);
/** Of an answer, the rest is not read. */
const maxAnswerBytes = 64 * 1024;

export type PostOutcome =
  /** The collector took all but so many. */
  | { isTaken: true; rejected: number }
  | { isTaken: false; canRetry: boolean; why: string; retryAfterMs: number | undefined };

export type Target = Pick<TelemetrySettings, 'url' | 'headers' | 'isCompressed' | 'timeoutMs'>;

/** Never rejects. What it says of a failure holds neither headers nor the query of the URL. */
export async function postSpans(
  target: Target,
  contentType: string,
  body: Buffer,
  signal: AbortSignal,
): Promise<PostOutcome> {
  const { url, headers, isCompressed, timeoutMs } = target;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': contentType,
        'user-agent': 'car-server',
        ...(isCompressed && { 'content-encoding': 'gzip' }),
      },
      body: new Uint8Array(isCompressed ? await compress(body) : body),
      // Another place would be given the credentials.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await readStart(response);
    if (response.ok) return { isTaken: true, rejected: rejectedOf(text) };
    return {
      isTaken: false,
      canRetry: retryableStatuses.has(response.status),
      why: `the collector answers HTTP ${response.status}`,
      retryAfterMs: secondsToMs(response.headers.get('retry-after')),
    };
  } catch (error) {
    const { name, cause } = error as Error;
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    const why = name === 'TimeoutError' ? `no answer within ${timeoutMs} ms` : (code ?? 'no connection');
    return { isTaken: false, canRetry: true, why, retryAfterMs: undefined };
  }
}

async function readStart({ body }: Response): Promise<string> {
  if (!body) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection.
    if (bytes > maxAnswerBytes) break;
  }
  return Buffer.concat(chunks).toString();
}

/** Told in JSON only; of a protobuf answer all counts as taken. */
function rejectedOf(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number } };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}

function secondsToMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) * 1_000 : undefined;
}
