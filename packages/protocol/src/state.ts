import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';

const tenant = once(() => ({ tenant_id: z.string().nullish() }));
const section = 'State';

export const state = {
  'state.get': method({
    summary: 'Value at a key, or null',
    params: () => z.object({ key: z.string(), ...tenant() }),
    result: () => z.unknown(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'state.set': method({
    summary: 'Store a JSON value at a key',
    params: () => z.object({ key: z.string(), value: z.unknown().optional(), ...tenant() }),
    result: () => z.literal('ok'),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'state.exists': method({
    summary: 'Whether a key has a value',
    params: () => z.object({ key: z.string(), ...tenant() }),
    result: () => z.boolean(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'state.keys': method({
    summary: 'Keys of one tenant, or the unscoped keys, sorted',
    params: () => z.object(tenant()),
    result: () => z.array(z.string()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'state.snapshot': method({
    summary: 'All keys and values of one tenant, or the unscoped ones',
    params: () => z.object(tenant()),
    result: () => z.record(z.string(), z.unknown()),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
};
