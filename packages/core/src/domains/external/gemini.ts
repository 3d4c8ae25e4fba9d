// Gemini CLI: `gemini -p`, whose standard output is the answer.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { refusalOfToolList, type CliDialect, type Launch, type OutputReader } from './cli-tool.ts';
import { numberOf, recordOf, textOf } from './json-lines.ts';
import type { Staged } from './staging.ts';
import type { HealthFinding, Surroundings, Task } from './tool.ts';
import type { Transcript } from './transcript.ts';

const maxAnswerBytes = 4 * 1024 * 1024;
const maxCredentialBytes = 64 * 1024;

export const gemini: CliDialect = {
  id: 'gemini',
  displayName: 'Gemini CLI',
  program: 'gemini',
  pin: 'CAR_GEMINI_BIN',
  capabilities: { tool_use: true, mcp: false, hooks: false, sessions: false, streaming: false, images: true },
  takesAnyFile: false,
  needsFiles: true,
  refusal: (task) => refusalOfToolList('gemini', task),
  launch,
  createReader: (transcript) => new GeminiReader(transcript),
  authKind(env) {
    if (keyOf(env) !== undefined) return 'api_key';
    return existsSync(credentialPath(env)) ? 'subscription' : 'unknown';
  },
  health: (_found, { env }) => Promise.resolve(health(env)),
};

function launch({ task }: Task, staged: Staged | undefined): Launch {
  const files = (staged?.paths ?? []).map((path) => ` @${path}`).join('');
  // A task that begins with a dash would be taken for an option.
  const prompt = `${task.startsWith('-') ? ' ' : ''}${task}${files}`;
  const args = ['-p', prompt, '--yolo'];
  // It reads files of its workspace alone.
  if (staged) args.push('--include-directories', staged.folder);
  return { args, input: [] };
}

class GeminiReader implements OutputReader {
  readonly #transcript: Transcript;
  readonly #pieces: Buffer[] = [];
  #length = 0;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  write(bytes: Buffer): void {
    const room = maxAnswerBytes - this.#length;
    if (room <= 0) return;
    this.#pieces.push(bytes.subarray(0, room));
    this.#length += Math.min(room, bytes.length);
  }

  end({ problem, errorText }: { problem: string | undefined; errorText: string }) {
    const answer = Buffer.concat(this.#pieces).toString('utf8').trimEnd();
    this.#transcript.turns = 1;
    this.#transcript.text(answer);
    if (problem !== undefined)
      return this.#transcript.failed(errorText === '' ? problem : `${problem}: ${errorText}`, answer);
    return answer === '' ? this.#transcript.failed('it ended without an answer') : this.#transcript.succeeded(answer);
  }
}

function keyOf(env: Surroundings['env']): string | undefined {
  return ['GEMINI_API_KEY', 'GOOGLE_API_KEY'].find((name) => env[name]);
}

function credentialPath(env: Surroundings['env']): string {
  return join(env['GEMINI_CLI_HOME'] ?? env['HOME'] ?? '/', '.gemini', 'oauth_creds.json');
}

/** It has no status command: what can be looked at is whether its credentials have the shape of some. */
function health(env: Surroundings['env']): HealthFinding {
  const key = keyOf(env);
  if (key !== undefined)
    return { status: 'ready', details: { variable: key }, reason: `judged by ${key} being set; the key was not tried` };
  const limit = 'judged by the shape of ~/.gemini/oauth_creds.json alone; nothing was tried';
  const stored = readCredentials(credentialPath(env));
  if (stored === undefined) return { status: 'not_configured', details: null, reason: `there are none (${limit})` };
  if (textOf(stored['refresh_token'])) return { status: 'ready', details: { renewable: true }, reason: limit };
  if (!textOf(stored['access_token'])) return { status: 'unknown', details: null, reason: `not understood (${limit})` };
  const isOver = (numberOf(stored['expiry_date']) ?? Infinity) <= Date.now();
  return { status: isOver ? 'expired' : 'ready', details: { renewable: false }, reason: limit };
}

/** Nothing when there is no such file; without members when it is not what it should be. */
function readCredentials(path: string): Record<string, unknown> | undefined {
  try {
    const info = statSync(path);
    if (!info.isFile() || info.size > maxCredentialBytes) return {};
    return recordOf(JSON.parse(readFileSync(path, 'utf8'))) ?? {};
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : {};
  }
}
