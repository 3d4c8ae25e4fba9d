import { isAbsolute, join } from 'node:path';
import { fail, registry, type RegistryEntry, type RegistryEntryInput } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain, Handlers } from '../../kernel/domain.ts';
import { RegistryFullError, RegistryStore } from './store.ts';

export interface RegistryOptions {
  /** Folder of `registry/`. */
  stateRoot: string;
  /** Whether only hosts name folders of this machine. */
  hasStrictRoles(): boolean;
}

const defaultMaxAgeSecs = 60;
/** Stands for the state root, wherever that is (Transport, State root). */
const rootPrefix = '~/.car/';

/** `registry.*`: services of this machine that announce themselves. */
export function registryDomain(options: RegistryOptions): Domain<typeof registry> {
  return { name: 'registry', contract: registry, methods: registryMethods(options) };
}

function registryMethods(options: RegistryOptions): Handlers<typeof registry> {
  const storeFor = (path: string | null | undefined, connection: Connection): RegistryStore => {
    if (path == null) return new RegistryStore(join(options.stateRoot, 'registry'));
    checkMayName(options, connection);
    const folder = path.startsWith(rootPrefix) ? join(options.stateRoot, path.slice(rootPrefix.length)) : path;
    if (!isAbsolute(folder) || folder.includes('\0'))
      throw fail('failed', `Cannot use registry_path ${JSON.stringify(path)}: it is not an absolute path`);
    return new RegistryStore(folder);
  };
  return {
    'registry.register': ({ entry, registry_path }, { connection }) => {
      const store = storeFor(registry_path, connection);
      writing(entry.name, () => store.put(toEntry(entry)));
      return null;
    },
    'registry.heartbeat': ({ name, registry_path }, { connection }) => {
      const store = storeFor(registry_path, connection);
      const entry = store.get(name);
      if (entry) writing(name, () => store.put({ ...entry, last_heartbeat_at: now() }));
      return { refreshed: entry !== undefined };
    },
    'registry.unregister': ({ name, registry_path }, { connection }) => {
      const store = storeFor(registry_path, connection);
      writing(name, () => store.remove(name));
      return null;
    },
    'registry.list': ({ registry_path }, { connection }) => storeFor(registry_path, connection).all(),
    'registry.reap': ({ max_age_secs, registry_path }, { connection }) => {
      const store = storeFor(registry_path, connection);
      const oldest = now() - (max_age_secs ?? defaultMaxAgeSecs);
      const names = store.all().flatMap(({ name, last_heartbeat_at }) => (last_heartbeat_at < oldest ? [name] : []));
      for (const name of names) writing(name, () => store.remove(name));
      return names;
    },
  };
}

/** A folder of the host is never an agent's to name, and under strict roles only a host's. */
function checkMayName({ hasStrictRoles }: RegistryOptions, { role }: Connection): void {
  if (role === 'host' || (role !== 'agent' && !hasStrictRoles())) return;
  const why = role === 'agent' ? 'not available to agents' : 'needs the host role';
  throw fail('forbidden', `Cannot use registry_path: ${why} (this connection is ${role})`, { data: { role } });
}

function toEntry(input: RegistryEntryInput): RegistryEntry {
  const { name, dashboard_url, status, display_name, capability, port, pid } = input;
  return {
    name,
    dashboard_url,
    status: status ?? 'idle',
    ...(display_name != null && { display_name }),
    ...(capability != null && { capability }),
    ...(port != null && { port }),
    ...(pid != null && { pid }),
    registered_at: input.registered_at || now(),
    last_heartbeat_at: input.last_heartbeat_at || now(),
  };
}

function now(): number {
  return Math.floor(Date.now() / 1_000);
}

function writing(name: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const isFull = error instanceof RegistryFullError;
    throw fail(isFull ? 'overloaded' : 'failed', `Cannot store service "${name}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}
