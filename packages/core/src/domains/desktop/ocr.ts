// The text in an image, and that it is the image somebody agreed to.
import { fail } from '@car-runtime/protocol';
import type { JsonObject } from '@car-runtime/engine';
import { readImage } from './image-file.ts';
import { findProgram } from './find-program.ts';
import { toTesseractLanguage } from './languages.ts';
import { defaultTesseractLimits, runTesseract, tesseractPackage, type TesseractLimits } from './tesseract.ts';
import { toTextLines, type TextLine } from './text-lines.ts';

/** Images in memory at a time, those that wait among them. */
const maxJobs = 8;
const maxRunning = 2;

export interface OcrRequest {
  path: string;
  languages: readonly string[];
  isFast: boolean;
  usesDictionary: boolean;
  minHeight: number;
}

export type OcrAnswer = { lines: TextLine[] } | { missingPackage: string };

export interface OcrOptions {
  /** The program; absent when there is none. Asked at every call: it may be installed meanwhile. */
  program?: () => string | undefined;
  limits?: TesseractLimits;
}

export class Ocr {
  readonly #program: () => string | undefined;
  readonly #limits: TesseractLimits;
  /** Digest of the image that somebody agreed to, or that there was none, by the params of the call. */
  readonly #agreed = new WeakMap<object, string>();
  readonly #waiting: (() => void)[] = [];
  #jobs = 0;
  #running = 0;

  constructor({ program = () => findProgram('tesseract'), limits = defaultTesseractLimits }: OcrOptions = {}) {
    this.#program = program;
    this.#limits = limits;
  }

  /** What is in the file now, for whoever is asked; the call that has these params reads nothing else. */
  async describe(params: object, path: string): Promise<JsonObject> {
    try {
      const { sha256, path: real, bytes } = await readImage(path);
      this.#agreed.set(params, sha256);
      return { file: real, bytes: bytes.length, sha256 };
    } catch (error) {
      this.#agreed.set(params, 'none');
      return { problem: error instanceof Error ? error.message : String(error) };
    }
  }

  async read(params: object, request: OcrRequest, signal: AbortSignal): Promise<OcrAnswer> {
    const program = this.#program();
    if (program === undefined) return { missingPackage: tesseractPackage };
    const languages = request.languages.map(toTesseractLanguage);
    if (this.#jobs >= maxJobs) {
      throw fail('overloaded', `Cannot read the image: ${maxJobs} images are being read, the limit`, {
        data: { retry_after_ms: 1_000 },
      });
    }
    this.#jobs++;
    try {
      await this.#turn(signal);
      const image = await readImage(request.path);
      this.#checkAgreed(params, image.sha256);
      const { isFast, usesDictionary } = request;
      const table = await runTesseract({
        program,
        image: image.bytes,
        languages: languages.length > 0 ? languages : ['eng'],
        isFast,
        usesDictionary,
        signal,
        limits: this.#limits,
      });
      return { lines: toTextLines(table).filter(({ h }) => h >= request.minHeight) };
    } finally {
      this.#jobs--;
      this.#release();
    }
  }

  #checkAgreed(params: object, sha256: string): void {
    const agreed = this.#agreed.get(params);
    if (agreed === undefined || agreed === sha256) return;
    throw fail('failed', 'Cannot read the image: it is not the one that was approved any more', {
      data: { reason: 'changed_since_approval' },
    });
  }

  /** Waits until few enough run. */
  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#running >= maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    signal.throwIfAborted();
  }

  #release(): void {
    this.#running--;
    this.#waiting.shift()?.();
  }
}
