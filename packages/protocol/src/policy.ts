import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';
import { policyDefinition } from './records.ts';

const scope = once(() => z.union([z.literal('global'), z.object({ session_id: z.string() })]));
const section = 'Policies';

export const policy = {
  'policy.register': method({
    summary: 'Add a denial rule; names need not be unique',
    params: policyDefinition,
    result: () => z.object({ registered: z.string(), scope: scope() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'policy.unregister': method({
    summary: 'Remove every policy of a name; none is not an error',
    params: () => z.object({ name: z.string(), session_id: z.string().nullish() }),
    result: () => z.object({ unregistered: z.string(), removed: z.number(), scope: scope() }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'policy.list': method({
    summary: 'Policies in the order they were registered',
    params: () => z.object({ session_id: z.string().nullish() }),
    result: () =>
      z.object({ policies: z.array(z.object({ name: z.string(), description: z.string() })), scope: scope() }),
    access: 'session',
    effect: 'read',
    section,
  }),
};
