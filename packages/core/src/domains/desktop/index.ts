import { desktop as contract } from '@car-runtime/protocol';
import type { JsonObject } from '@car-runtime/engine';
import type { Domain } from '../../kernel/domain.ts';
import { desktopMethods } from './methods.ts';
import { Ocr, type OcrOptions } from './ocr.ts';

export interface Desktop {
  readonly ocr: Ocr;
  /** What lies behind the params of a call, which an approval covers too. */
  readonly facts: Readonly<Record<string, (params: object) => Promise<JsonObject>>>;
}

export function createDesktop(options?: OcrOptions): Desktop {
  const ocr = new Ocr(options);
  return {
    ocr,
    facts: { 'vision.ocr': (params) => ocr.describe(params, (params as { image_path: string }).image_path) },
  };
}

/** `automation.*`, `messages.*`, `mail.*` and `vision.*`: the desktop the daemon runs on. */
export function desktopDomain({ ocr }: Desktop): Domain<typeof contract> {
  return { name: 'desktop', contract, methods: desktopMethods(ocr) };
}
