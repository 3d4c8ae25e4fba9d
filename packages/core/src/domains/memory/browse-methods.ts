import { isNeighborCursor } from '@car-runtime/memory';
import { fail, type memoryBrowse } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { MemoryBrowser } from './browse.ts';
import { toBrowsedRow } from './rows.ts';

export function browseMethods(browser: MemoryBrowser): Handlers<typeof memoryBrowse> {
  return {
    'memory.list': async ({ limit, after, include_ended, needs_review, tenant_id }, { connection }) => {
      if (after !== undefined && !/^\d{1,10}$/.test(after)) throw badCursor('memory.list', after);
      const { nodes, next } = await browser.list(connection, {
        limit,
        before: after === undefined ? undefined : Number(after),
        isCurrent: !include_ended,
        needsReview: needs_review,
        tenant: tenant_id ?? '',
      });
      return { facts: nodes.map(toBrowsedRow), ...(next !== undefined && { next: String(next) }) };
    },
    'memory.neighbors': async ({ fact_id, limit, after, tenant_id }, { connection }) => {
      if (after !== undefined && !isNeighborCursor(after)) throw badCursor('memory.neighbors', after);
      const page = { limit, after, tenant: tenant_id ?? '' };
      const { node, neighbors, next } = await browser.neighbors(connection, fact_id, page);
      return {
        fact: toBrowsedRow(node),
        neighbors: neighbors.map(({ node: fact, ...edge }) => ({ fact: toBrowsedRow(fact), edge })),
        ...(next !== undefined && { next }),
      };
    },
    'memory.invalidate': async ({ fact_id, tenant_id }, { connection }) => {
      const isDone = await browser.invalidate(connection, fact_id, tenant_id ?? '');
      return { fact_id, invalidated: isDone };
    },
    'memory.confirm': async ({ fact_id, tenant_id }, { connection }) => {
      const isDone = await browser.confirm(connection, fact_id, tenant_id ?? '');
      return { fact_id, confirmed: isDone };
    },
  };
}

function badCursor(method: string, after: string) {
  const shown = JSON.stringify(after);
  return fail('invalid_params', `Invalid params for ${method}: after ${shown} is no next that a page answered`, {
    data: { reason: 'invalid_params', field: 'after' },
  });
}
