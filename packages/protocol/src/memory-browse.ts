// Memory, for people who look around in it: pages of facts, what a fact is linked to, and what they decide about it.
import { z } from 'zod';
import { method } from './declare.ts';
import { factRow } from './memory.ts';
import { once } from './once.ts';

const section = 'Memory, Extensions';

const maxPage = 200;

const tenantId = () => z.string().max(256).optional();
const factId = () => z.string().min(1).max(300);
const page = () => ({
  limit: z.number().int().min(1).max(maxPage).default(50),
  /** The `next` of the page before. */
  after: z.string().max(64).optional(),
  tenant_id: tenantId(),
});

/** A fact of a page; a long body is cut there, and `memory.show` has all of it. */
const browsedFact = once(() =>
  factRow()
    .extend({
      fact_id: z.string(),
      at: z.string(),
      /** Absent while it holds. */
      ended_at: z.string().optional(),
      needs_review: z.boolean(),
      is_cut: z.literal(true).optional(),
    })
    .meta({ id: 'MemoryBrowsedFact' }),
);
export type BrowsedFact = z.infer<ReturnType<typeof browsedFact>>;

const neighbor = once(() =>
  z
    .object({
      fact: browsedFact(),
      edge: z.object({
        kind: z.enum([
          'triggers',
          'defined_in',
          'calls',
          'cites_premise',
          'depends_on',
          'related_to',
          'temporal_next',
          'imports',
          'supersedes',
        ]),
        /** `out` leads from the fact asked about to this one; facts of one key are related both ways. */
        direction: z.enum(['out', 'in', 'both']),
        weight: z.number(),
      }),
    })
    .meta({ id: 'MemoryNeighbor' }),
);

export const memoryBrowse = {
  'memory.list': method({
    summary: 'Facts and turns page by page, the newest first. A page with a next is not the last, however short it is',
    params: () =>
      z.object({
        ...page(),
        /** With what was superseded, invalidated, or has expired. */
        include_ended: z.boolean().default(false),
        /** Only what rests on something that ended since. */
        needs_review: z.boolean().default(false),
      }),
    result: () => z.object({ facts: z.array(browsedFact()), next: z.string().optional() }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  'memory.neighbors': method({
    summary: 'What a fact is linked to, page by page: edges from it, edges to it, then facts of the same key',
    params: () => z.object({ fact_id: factId(), ...page() }),
    result: () => z.object({ fact: browsedFact(), neighbors: z.array(neighbor()), next: z.string().optional() }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'memory.invalidate': method({
    summary: 'A fact holds no longer and nothing takes its place; false when it had ended already',
    params: () => z.object({ fact_id: factId(), tenant_id: tenantId() }),
    result: () => z.object({ fact_id: z.string(), invalidated: z.boolean() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'memory.confirm': method({
    summary: 'A fact that needs review stands as it is; false when it needed none',
    params: () => z.object({ fact_id: factId(), tenant_id: tenantId() }),
    result: () => z.object({ fact_id: z.string(), confirmed: z.boolean() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
};
