import { desktop as contract } from '@car-runtime/protocol';
import type { JsonObject } from '@car-runtime/engine';
import type { Domain } from '../../kernel/domain.ts';
import { desktopMethods } from './methods.ts';
import { Notifier, type NotifierOptions } from './notifier.ts';
import { Ocr, type OcrOptions } from './ocr.ts';

export interface Desktop {
  readonly ocr: Ocr;
  readonly notifier: Notifier;
  /** What lies behind the params of a call, which an approval covers too. */
  readonly facts: Readonly<Record<string, (params: object) => Promise<JsonObject>>>;
}

export function createDesktop(options: { ocr?: OcrOptions; notifier?: NotifierOptions } = {}): Desktop {
  const ocr = new Ocr(options.ocr);
  return {
    ocr,
    notifier: new Notifier(options.notifier),
    facts: { 'vision.ocr': (params) => ocr.describe(params, (params as { image_path: string }).image_path) },
  };
}

/** `automation.*`, `messages.*`, `mail.*`, `notifications.*` and `vision.*`: the desktop the daemon runs on. */
export function desktopDomain(desktop: Desktop): Domain<typeof contract> {
  return { name: 'desktop', contract, methods: desktopMethods(desktop) };
}
