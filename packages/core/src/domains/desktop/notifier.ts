// Notifications on the desktop the daemon runs on, through the program `notify-send` where there is a session bus for it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, visibleText } from '@car-runtime/protocol';
import { inherited, isBasic } from '../../infra/child-environment.ts';
import { findProgram } from './find-program.ts';

/** Shown within `windowMs`: a desktop that shows more is of no use to the person before it. */
export const maxPerWindow = 20;
const windowMs = 10_000;
const timeoutMs = 5_000;
const maxShownChars = 1_000;
const backend = 'notify-send';
/** By which a program finds the desktop. */
const desktopVariable = /^(?:DBUS_SESSION_BUS_ADDRESS|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_RUNTIME_DIR)$/;

export interface Notification {
  title: string;
  body: string;
  subtitle: string | undefined;
  sound: boolean | string;
  /** The agent whose words these are. */
  agentId: string | undefined;
}

export interface Delivery {
  delivered: boolean;
  platform: string;
  backend: string | null;
  reason?: string;
}

export interface NotifierOptions {
  platform?: NodeJS.Platform;
  /** Of the daemon. Read at every call: a person may log in meanwhile. */
  env?: Readonly<Record<string, string | undefined>>;
  now?: () => number;
}

export class Notifier {
  readonly #platform: NodeJS.Platform;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #now: () => number;
  #windowAt = -Infinity;
  #inWindow = 0;

  constructor({ platform = process.platform, env = process.env, now = () => performance.now() }: NotifierOptions = {}) {
    this.#platform = platform;
    this.#env = env;
    this.#now = now;
  }

  async show(notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const platform = this.#platform;
    const undelivered = (reason: string, by: string | null = null): Delivery => ({
      delivered: false,
      platform,
      backend: by,
      reason,
    });
    if (platform !== 'linux') return undelivered(`notifications: there is no backend for it on ${platform}`);
    const program = findProgram(backend, this.#env['PATH']);
    if (program === undefined)
      return undelivered(`${backend} is not installed (Debian: apt-get install libnotify-bin)`);
    if (!hasSessionBus(this.#env)) return undelivered('there is no desktop: the daemon has no session bus', backend);
    this.#takeRoom();
    const problem = await run(program, argumentsFor(notification), this.#env, signal);
    return problem === undefined ? { delivered: true, platform, backend } : undelivered(problem, backend);
  }

  #takeRoom(): void {
    const now = this.#now();
    if (now - this.#windowAt >= windowMs) {
      this.#windowAt = now;
      this.#inWindow = 0;
    }
    if (this.#inWindow >= maxPerWindow) {
      throw fail('overloaded', `Cannot show a notification: ${maxPerWindow} in ${windowMs / 1_000} s is the limit`, {
        data: { reason: 'too_many_notifications', retry_after_ms: Math.ceil(this.#windowAt + windowMs - now) },
      });
    }
    this.#inWindow++;
  }
}

/** Where one is by its address, or where systemd and elogind put it. */
function hasSessionBus(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['DBUS_SESSION_BUS_ADDRESS']) return true;
  const folder = env['XDG_RUNTIME_DIR'];
  if (!folder) return false;
  return statSync(join(folder, 'bus'), { throwIfNoEntry: false })?.isSocket() ?? false;
}

/** Of an agent it says so: it is not the daemon that speaks. Nothing of it is an option or markup. */
function argumentsFor({ title, body, subtitle, sound, agentId }: Notification): string[] {
  const lines = [
    ...(agentId === undefined ? [] : [`agent ${visibleText(agentId, 100)}:`]),
    ...(subtitle === undefined ? [] : [visibleText(subtitle, maxShownChars)]),
    ...body.split('\n').map((line) => visibleText(line, maxShownChars)),
  ];
  const soundName = sound === true ? 'message' : sound;
  return [
    '--app-name=CAR',
    ...(typeof soundName === 'string' && /^[a-z][a-z0-9-]*$/.test(soundName)
      ? [`--hint=string:sound-name:${soundName}`]
      : []),
    '--',
    visibleText(title, maxShownChars),
    withoutMarkup(lines.join('\n')),
  ];
}

/** Desktops read the body as a little HTML. */
function withoutMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Why it did not work. */
async function run(
  program: string,
  args: readonly string[],
  own: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const env = inherited(own, (name) => isBasic(name) || desktopVariable.test(name));
  const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString()).slice(0, 500)));
  const late = AbortSignal.timeout(timeoutMs);
  const stop = (): void => void child.kill('SIGKILL');
  const stopped = AbortSignal.any([signal, late]);
  stopped.addEventListener('abort', stop, { once: true });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code === 0) return undefined;
    if (late.aborted) return `${backend} took longer than ${timeoutMs / 1_000} s`;
    return `${backend} ended with ${code ?? 'a signal'}: ${visibleText(said.trim(), 200)}`;
  } catch (error) {
    return `${backend} could not be started: ${(error as Error).message}`;
  } finally {
    stopped.removeEventListener('abort', stop);
    // Something it left behind may hold it open.
    child.stderr.destroy();
  }
}
