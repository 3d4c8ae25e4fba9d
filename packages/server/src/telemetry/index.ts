// Live export of what runs do (OpenTelemetry). Imported only where a variable asks for it.
import type { Logger } from '@car-runtime/core';
import { readTelemetrySettings } from './settings.ts';
import { SpanExporter } from './span-exporter.ts';

export interface TelemetryOptions {
  env: Readonly<Record<string, string | undefined>>;
  logger: Logger;
  /** Keeps a credential out of the log. */
  hide: (secret: string) => void;
}

/** Shorter ones would make every other line unreadable, and are no credentials. */
const minSecretLength = 8;

export function openTelemetry({ env, logger, hide }: TelemetryOptions): SpanExporter | undefined {
  const settings = readTelemetrySettings({ env, warn: (warning) => logger.warn({}, warning) });
  if (!settings) return undefined;
  for (const value of Object.values(settings.headers)) if (value.length >= minSecretLength) hide(value);
  const { url, protocol, hasContent } = settings;
  logger.info(
    { collector: `${url.origin}${url.pathname}`, protocol, content: hasContent },
    'runs are exported as spans',
  );
  return new SpanExporter(settings, logger);
}
