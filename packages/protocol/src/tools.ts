import { z } from 'zod';
import { callback, event, method } from './declare.ts';
import { jsonObject, toolDefinition, toolSchema } from './records.ts';

export const tools = {
  'tools.register': method({
    summary: 'Register tools this client answers; the same name replaces',
    params: z.array(toolDefinition),
    result: z.number(),
    access: 'session',
    effect: 'write',
    order: 'tools',
    errors: ['failed'],
    section: 'Tool methods',
  }),
  'tools.list': method({
    summary: 'Tools of this session, sorted by name',
    params: z.object({}),
    result: z.object({ tools: z.array(toolSchema), count: z.number() }),
    access: 'session',
    effect: 'read',
    section: 'Tool methods',
  }),
  'tools.unregister': method({
    summary: 'Remove a tool; an unknown name is not an error',
    params: z.object({ name: z.string() }),
    result: z.object({ unregistered: z.string(), removed: z.union([z.literal(0), z.literal(1)]) }),
    access: 'session',
    effect: 'write',
    order: 'tools',
    section: 'Tool methods',
  }),
};

export const toolCallbacks = {
  'tools.execute': callback({
    summary: 'Run a tool; answer with its output, or with an error whose message becomes the action error',
    params: z.object({
      action_id: z.string(),
      tool: z.string(),
      parameters: jsonObject,
      timeout_ms: z.number().optional(),
      attempt: z.number(),
      request_id: z.string(),
      session_id: z.string().optional(),
    }),
    result: z.unknown(),
    section: 'Tool callback',
  }),
};

export const toolEvents = {
  'tools.cancel': event({
    summary: 'A tools.execute was abandoned; its answer will be dropped',
    params: z.object({ request_id: z.string(), action_id: z.string(), reason: z.string() }),
    precondition: 'none: an in-flight tools.execute was abandoned',
    section: 'Tool callback',
  }),
};
