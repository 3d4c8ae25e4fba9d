import { z } from 'zod';
import { method } from './declare.ts';
import { policyDefinition, toolDefinition } from './records.ts';

export const session = {
  'session.init': method({
    summary: 'Register tools and policies in one call; optional, since state is created when first used',
    params: () =>
      z.object({
        tools: z.array(toolDefinition()).default([]),
        policies: z.array(policyDefinition()).default([]),
        client_id: z.string().nullish(),
      }),
    result: () => z.object({ session_id: z.string(), tools_registered: z.number(), policies_registered: z.number() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section: 'Sessions',
  }),
  'session.policy.open': method({
    summary: 'Open a policy session: extra denials that a proposal can name',
    params: () => z.object({}),
    result: () => z.object({ session_id: z.string() }),
    access: 'session',
    effect: 'write',
    section: 'Sessions',
  }),
  'session.policy.close': method({
    summary: 'Close a policy session',
    params: () => z.object({ session_id: z.string() }),
    result: () => z.object({ closed: z.boolean() }),
    access: 'session',
    effect: 'write',
    section: 'Sessions',
  }),
};
