// Memory, for hosts: which memories are kept, and looking into one that is not this connection's own.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';

const section = 'Memory, Extensions';

const maxNameChars = 200;
/** Of one answer. */
export const maxMemoryScopes = 2_000;

const memoryScope = once(() =>
  z
    .object({
      kind: z.enum(['own', 'namespace', 'agent']),
      /** Of the namespace, or id of the agent. */
      name: z.string().optional(),
    })
    .meta({ id: 'MemoryScope' }),
);
export type MemoryScope = z.infer<ReturnType<typeof memoryScope>>;

export const memoryScopes = {
  'memory.scopes': method({
    summary: 'The memories of namespaces and agents that are kept, by name',
    params: () => z.object({}),
    result: () =>
      z.object({
        scopes: z.array(memoryScope()),
        /** Where there are more than an answer holds. */
        left_out: z.number().optional(),
        /** What this connection works on. */
        selected: memoryScope(),
      }),
    access: 'host',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'memory.select': method({
    summary:
      'Work on the memory of a namespace, of an agent that has one, or with neither on what this connection works on by itself. What was watched is watched no longer',
    params: () =>
      z
        .object({
          namespace: z.string().min(1).max(maxNameChars).nullish(),
          agent_id: z.string().min(1).max(maxNameChars).nullish(),
        })
        .refine(({ namespace, agent_id }) => namespace == null || agent_id == null, {
          path: ['namespace'],
          error: 'expected namespace or agent_id, not both',
        }),
    result: memoryScope,
    access: 'host',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
};
