// Services of this machine that announce themselves, each in a file of its own. The daemon runs none of them.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';

const section = 'Agents, Service registry';

const name = once(() =>
  z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ -, and not "." or ".."'),
);
const text = () => z.string().max(4_096);
/** A folder in place of the daemon's own. Not for agents. */
const place = () => ({ registry_path: text().nullish() });
const status = once(() => z.enum(['running', 'idle', 'errored', 'stopping']));

const entryInput = once(() =>
  z
    .object({
      name: name(),
      dashboard_url: text(),
      status: status().nullish(),
      display_name: text().nullish(),
      /** What discovery ranks by. */
      capability: z.string().max(16_384).nullish(),
      port: z.int().min(0).max(65_535).nullish(),
      pid: z.int().min(0).nullish(),
      /** Unix seconds; 0 or absent for now. */
      registered_at: z.number().min(0).nullish(),
      last_heartbeat_at: z.number().min(0).nullish(),
    })
    .meta({ id: 'RegistryEntryInput' }),
);

export const registryEntry = once(() =>
  z
    .object({
      name: name(),
      dashboard_url: z.string(),
      /** As the service reports it. */
      status: status(),
      display_name: z.string().optional(),
      capability: z.string().optional(),
      port: z.number().optional(),
      pid: z.number().optional(),
      registered_at: z.number(),
      last_heartbeat_at: z.number(),
    })
    .meta({ id: 'RegistryEntry' }),
);
export type RegistryEntryInput = z.infer<ReturnType<typeof entryInput>>;
export type RegistryEntry = z.infer<ReturnType<typeof registryEntry>>;

const shared = { section, access: 'session', errors: ['failed', 'forbidden'] } as const;

export const registry = {
  'registry.register': method({
    summary: 'Announce a service, or replace what was announced under its name',
    params: () => z.object({ entry: entryInput(), ...place() }),
    result: () => z.null(),
    effect: 'write',
    ...shared,
  }),
  'registry.heartbeat': method({
    summary: 'Say that a service is still there; every 20 s is enough',
    params: () => z.object({ name: name(), ...place() }),
    result: () => z.object({ refreshed: z.boolean() }),
    effect: 'write',
    ...shared,
  }),
  'registry.unregister': method({
    summary: 'Take a service back, announced or not',
    params: () => z.object({ name: name(), ...place() }),
    result: () => z.null(),
    effect: 'write',
    ...shared,
  }),
  'registry.list': method({
    summary: 'Announced services by name',
    params: () => z.object(place()),
    result: () => z.array(registryEntry()),
    effect: 'read',
    ...shared,
  }),
  'registry.reap': method({
    summary: 'Remove services that have not been heard of for so long, and answer their names',
    params: () => z.object({ max_age_secs: z.number().min(0).nullish(), ...place() }),
    result: () => z.array(z.string()),
    effect: 'write',
    ...shared,
  }),
};
