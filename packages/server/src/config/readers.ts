// How one value of a setting is read, from the text of a flag or variable or from a typed value of the file. A reader
// throws an `Error` whose message continues "<setting> must be …" and never quotes a value that may be a secret.
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import type { AcpAgentConfig } from '@car-runtime/core';
import { isSkillSigner } from '@car-runtime/core/daemon';

export type Reader<T> = (raw: unknown) => T;

const maxPort = 65_535;

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (raw) => {
    const value = typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      throw new Error(
        max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
      );
    }
    return value as number;
  };
}

/** A value that cannot be read counts as absent, where the contract says that it is never an error. */
export function leniently<T>(fallback: T, reader: Reader<T>): Reader<T> {
  return (raw) => {
    try {
      return reader(raw);
    } catch {
      // As if it were not there.
      return fallback;
    }
  };
}

export const seconds: Reader<number> = (raw) => {
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
    throw new Error('a number of seconds above 0');
  return value;
};

export function secondsUpTo(most: number): Reader<number> {
  return (raw) => {
    const value = seconds(raw);
    if (value > most) throw new Error(`a number of seconds above 0, ${most} at most`);
    return value;
  };
}

/** The text form is that of a variable, `CAR_NO_AUTH=1`: anything that is not plainly yes or no is an error. */
export const boolean: Reader<boolean> = (raw) => {
  if (raw === true || raw === '1' || raw === 'true') return true;
  if (raw === false || raw === '0' || raw === 'false') return false;
  throw new Error('1 or 0 (in the file true or false)');
};

export const text: Reader<string> = (raw) => {
  if (typeof raw !== 'string' || raw.trim() === '') throw new Error('text that is not blank');
  return raw;
};

/** Trimmed: a line end that came along from a file or a shell is no part of it. */
export const secret: Reader<string> = (raw) => text(raw).trim();

export function choice<T extends string>(...values: readonly T[]): Reader<T> {
  return (raw) => {
    const value = values.find((each) => each === raw);
    if (value === undefined) throw new Error(`one of ${values.join(', ')}`);
    return value;
  };
}

/** One value of a list cannot be read; the others may be fine. */
export class ListItemError extends Error {
  readonly item: unknown;

  constructor(message: string, item: unknown, options?: ErrorOptions) {
    super(message, options);
    this.item = item;
  }
}

export function listOf<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (raw) => {
    if (!Array.isArray(raw)) throw new Error('a list');
    return raw.map((each: unknown) => {
      try {
        return reader(each);
      } catch (error) {
        throw new ListItemError((error as Error).message, each, { cause: error });
      }
    });
  };
}

export const ipAddress: Reader<string> = (raw) => {
  const address = typeof raw === 'string' ? raw.replace(/^\[(.*)\]$/, '$1') : '';
  if (isIP(address) === 0 || address.includes('%')) throw new Error('an IP address');
  return address.toLowerCase();
};

/** `host:port`, as it stands in a Host header; without a port it goes with the listener's. */
export const hostHeader: Reader<string> = (raw) => {
  const [, port] = (typeof raw === 'string' && /^(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?$/i.exec(raw)) || [
    null,
    'none',
  ];
  if (port === 'none' || Number(port ?? 0) > maxPort)
    throw new Error('a host name or an address (IPv6 in brackets), with or without ":port"');
  return (raw as string).toLowerCase();
};

/** What a browser sends: scheme, host and port, nothing else. `null` and `*` name no page and are refused. */
export const origin: Reader<string> = (raw) => {
  if (typeof raw !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s\\*]+$/i.test(raw)) {
    const meant = typeof raw === 'string' && !raw.includes('*') ? URL.parse(raw)?.origin : undefined;
    const example = meant === undefined || meant === 'null' ? 'https://example.org:8443' : meant;
    throw new Error(`an origin such as ${example}, without a path or a slash at the end`);
  }
  const parsed = URL.parse(raw);
  // Schemes without a standard origin (those of browser extensions) are compared as they are written.
  return parsed === null || parsed.origin === 'null' ? raw.toLowerCase() : parsed.origin;
};

/** The public key of somebody whose packs of skills are official. */
export const skillSigner: Reader<string> = (raw) => {
  if (typeof raw !== 'string' || !isSkillSigner(raw)) throw new Error('an Ed25519 key, 32 bytes in base64');
  return raw;
};

export function fraction(max: number): Reader<number> {
  return (raw) => {
    if (typeof raw !== 'number' || !(raw >= 0 && raw <= max)) throw new Error(`a number from 0 to ${max}`);
    return raw;
  };
}

export const bindAddress: Reader<string> = (raw) => {
  const [, host = '', port = ''] = (typeof raw === 'string' && /^(.+):(\d{1,5})$/.exec(raw)) || [];
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) === 0 || Number(port) > maxPort)
    throw new Error('an address such as 127.0.0.1:9102');
  return raw as string;
};

export const bindAddressOrDisabled: Reader<string> = (raw) => {
  if (raw === 'disabled') return raw;
  try {
    return bindAddress(raw);
  } catch (error) {
    throw new Error(`${(error as Error).message}, or "disabled"`, { cause: error });
  }
};

const acpId = /^(?!(?:claude-code|codex|gemini)$)[a-z0-9][a-z0-9._-]{0,63}$/;

/** Programs of the operator by the id they are called. The message names what is wrong, never a value of `env`. */
export const acpAgents: Reader<Readonly<Record<string, AcpAgentConfig>>> = (raw) => {
  const agents = tableOf(raw, 'a table for each agent, [external.acp.<id>]');
  return Object.fromEntries(Object.entries(agents).map(([id, each]) => [id, acpAgent(id, each)]));
};

function acpAgent(id: string, raw: unknown): AcpAgentConfig {
  if (!acpId.test(id)) throw new Error('named by ids of a-z 0-9 . _ -, none of claude-code, codex and gemini');
  const { command, args = [], env = {}, ...others } = tableOf(raw, `a table for ${id}`);
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`command, args and env for ${id}, without ${JSON.stringify(other)}`);
  if (typeof command !== 'string' || !isAbsolute(command)) throw new Error(`with an absolute path as command of ${id}`);
  if (!areTexts(args) || !Array.isArray(args)) throw new Error(`with a list of texts as args of ${id}`);
  if (!areTexts(env) || Array.isArray(env)) throw new Error(`with a table of texts as env of ${id}`);
  return { command, args: args as string[], env: { ...(env as Record<string, string>) } };
}

function areTexts(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && Object.values(raw).every((each) => typeof each === 'string');
}

function tableOf(raw: unknown, what: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new Error(what);
  return raw as Record<string, unknown>;
}
