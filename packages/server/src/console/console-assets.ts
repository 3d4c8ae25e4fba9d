// The files of the web console, as its build left them. They are read once and served from memory, so a request names a
// key of a map and never a path.
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Answer } from '../http-answers.ts';

/** Nothing but the console's own files, no inline script or style, and no page around it. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/** Names below this folder carry a digest of their content. */
const hashedFolder = '/assets/';

export class ConsoleAssets {
  readonly #answers: ReadonlyMap<string, Answer>;

  private constructor(answers: ReadonlyMap<string, Answer>) {
    this.#answers = answers;
  }

  /** Reads the folder of a build; `undefined` when there is none. */
  static read(folder: string): ConsoleAssets | undefined {
    let names: string[];
    try {
      names = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/'));
    } catch {
      return undefined;
    }
    if (!names.includes('/index.html')) return undefined;
    return new ConsoleAssets(new Map(names.map((name) => [name, answerOf(folder, name)])));
  }

  /** The file at a path; the page itself at `/`. */
  at(path: string): Answer | undefined {
    return this.#answers.get(path === '/' ? '/index.html' : path);
  }
}

function answerOf(folder: string, name: string): Answer {
  return {
    status: 200,
    body: readFileSync(join(folder, name)),
    type: types[extname(name)] ?? 'application/octet-stream',
    headers: {
      'content-security-policy': contentSecurityPolicy,
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': name.startsWith(hashedFolder) ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
  };
}
