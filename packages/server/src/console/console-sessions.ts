// Who may use the web console. A ticket lets one browser in once; what it gets for it is a cookie and a second value.
// Both are needed: the cookie alone is sent to every port of this host, so any local server could collect it.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../private-files.ts';

const secretBytes = 24;
const ticketLifeMs = 60_000;
const sessionLifeMs = 12 * 60 * 60 * 1000;
const maxTickets = 64;
const maxSessions = 64;
const fileName = 'console-sessions.json';

export interface ConsoleCredentials {
  /** Value of the cookie. */
  cookie: string;
  /** What the page keeps and shows beside the cookie. */
  value: string;
  expiresAt: Date;
}

interface StoredSession {
  cookie_sha256: string;
  value_sha256: string;
  /** Milliseconds since the epoch. */
  expires_at: number;
}

/**
 * Tickets and sessions of the console. Secrets are kept as SHA-256 only, so looking one up takes the same time whatever
 * was guessed. Sessions are on disk and outlive the daemon: a page that is open goes on after a restart.
 */
export class ConsoleSessions {
  readonly #folder: string;
  readonly #now: () => number;
  /** SHA-256 of a ticket to when it ends. */
  readonly #tickets = new Map<string, number>();
  #sessions: StoredSession[] | undefined;

  constructor(folder: string, now: () => number = Date.now) {
    this.#folder = folder;
    this.#now = now;
  }

  /** A ticket good for one exchange within a minute. Beyond 64 unused ones the oldest is void. */
  mintTicket(): { ticket: string; expiresAt: Date } {
    this.#dropEndedTickets();
    if (this.#tickets.size >= maxTickets) this.#tickets.delete(this.#tickets.keys().next().value as string);
    const ticket = newSecret();
    const endsAt = this.#now() + ticketLifeMs;
    this.#tickets.set(digestOf(ticket), endsAt);
    return { ticket, expiresAt: new Date(endsAt) };
  }

  /** What a valid ticket is exchanged for; the ticket is void from then on. Throws when the session cannot be kept. */
  exchange(ticket: string): ConsoleCredentials | undefined {
    this.#dropEndedTickets();
    if (!this.#tickets.delete(digestOf(ticket))) return undefined;
    const credentials = { cookie: newSecret(), value: newSecret(), expiresAt: new Date(this.#now() + sessionLifeMs) };
    const added: StoredSession = {
      cookie_sha256: digestOf(credentials.cookie),
      value_sha256: digestOf(credentials.value),
      expires_at: credentials.expiresAt.getTime(),
    };
    const kept = [...this.#live(), added].slice(-maxSessions);
    writePrivateFile(this.#folder, fileName, `${JSON.stringify(kept)}\n`);
    this.#sessions = kept;
    return credentials;
  }

  /** Whether cookie and value belong to one session that has not ended. */
  isOpen(cookie: string, value: string): boolean {
    const [cookieDigest, valueDigest] = [digestOf(cookie), digestOf(value)];
    return this.#live().some(
      ({ cookie_sha256, value_sha256 }) => cookie_sha256 === cookieDigest && value_sha256 === valueDigest,
    );
  }

  /** Ends the session of a cookie. */
  end(cookie: string): void {
    const digest = digestOf(cookie);
    const live = this.#live();
    const kept = live.filter(({ cookie_sha256 }) => cookie_sha256 !== digest);
    if (kept.length === live.length) return;
    this.#sessions = kept;
    writePrivateFile(this.#folder, fileName, `${JSON.stringify(kept)}\n`);
  }

  #live(): StoredSession[] {
    const now = this.#now();
    this.#sessions = (this.#sessions ?? readSessions(join(this.#folder, fileName))).filter(
      ({ expires_at }) => expires_at > now,
    );
    return this.#sessions;
  }

  #dropEndedTickets(): void {
    const now = this.#now();
    for (const [digest, endsAt] of this.#tickets) if (endsAt <= now) this.#tickets.delete(digest);
  }
}

function newSecret(): string {
  return randomBytes(secretBytes).toString('base64url');
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** What cannot be read or is not a list of sessions lets nobody in. */
function readSessions(path: string): StoredSession[] {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch {
    return [];
  }
  try {
    const parsed: unknown = JSON.parse(readFileSync(descriptor, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter(isStoredSession).slice(-maxSessions) : [];
  } catch {
    return [];
  } finally {
    closeSync(descriptor);
  }
}

function isStoredSession(value: unknown): value is StoredSession {
  if (typeof value !== 'object' || value === null) return false;
  const { cookie_sha256, value_sha256, expires_at } = value as Partial<StoredSession>;
  return typeof cookie_sha256 === 'string' && typeof value_sha256 === 'string' && typeof expires_at === 'number';
}
