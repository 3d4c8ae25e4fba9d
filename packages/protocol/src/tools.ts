import { z } from 'zod';
import { once } from './once.ts';
import { callback, event, method } from './declare.ts';
import { jsonObject, toolChunk, toolDefinition, toolSchema } from './records.ts';

export const tools = {
  'tools.register': method({
    summary: 'Register tools this client answers; the same name replaces',
    params: () => z.array(toolDefinition()),
    result: () => z.number(),
    access: 'session',
    effect: 'write',
    order: 'tools',
    errors: ['failed'],
    section: 'Tool methods',
  }),
  'tools.list': method({
    summary: 'Tools of this session, sorted by name',
    params: () => z.object({}),
    result: () => z.object({ tools: z.array(toolSchema()), count: z.number() }),
    access: 'session',
    effect: 'read',
    section: 'Tool methods',
  }),
  'tools.unregister': method({
    summary: 'Remove a tool; an unknown name is not an error',
    params: () => z.object({ name: z.string() }),
    result: () => z.object({ unregistered: z.string(), removed: z.union([z.literal(0), z.literal(1)]) }),
    access: 'session',
    effect: 'write',
    order: 'tools',
    section: 'Tool methods',
  }),
  'tools.poll': method({
    summary: 'Take what a running tool has said since the last poll; null once its end was seen',
    params: () => z.object({ handle: z.string() }),
    result: () =>
      z
        .object({
          handle: z.string(),
          tool: z.string(),
          action_id: z.string(),
          status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
          chunks: z.array(toolChunk()),
          dropped_chunks: z.number().optional(),
          result: z.unknown().optional(),
          error: z.string().optional(),
        })
        .nullable(),
    access: 'session',
    effect: 'write',
    section: 'Tool methods',
  }),
  'tools.cancel': method({
    summary: 'Stop a running tool; false when the handle is unknown or has ended',
    params: () => z.object({ handle: z.string() }),
    result: () => z.object({ cancelled: z.boolean() }),
    access: 'session',
    effect: 'write',
    section: 'Tool methods',
  }),
  'tools.stream.subscribe': method({
    summary: 'Receive tools.stream.event for every chunk of running tools, best effort; tools.poll is the reliable way',
    params: () => z.object({}),
    result: () => z.object({ subscribed: z.literal(true) }),
    access: 'session',
    effect: 'write',
    section: 'Tool methods',
  }),
};

/** What a client notifies while it runs a tool it was sent with `stream: true`. Ours. */
export const toolChunkNotification = once(() =>
  z.object({
    request_id: z.string(),
    seq: z.int().min(0),
    chunk: z.discriminatedUnion('kind', [toolChunk().options[0], toolChunk().options[1], toolChunk().options[2]]),
  }),
);

export const toolCallbacks = {
  'tools.execute': callback({
    summary: 'Run a tool; answer with its output, or with an error whose message becomes the action error',
    params: () =>
      z.object({
        action_id: z.string(),
        tool: z.string(),
        parameters: jsonObject(),
        timeout_ms: z.number().optional(),
        attempt: z.number(),
        request_id: z.string(),
        session_id: z.string().optional(),
        /** Ours: send `tools.chunk` notifications while it runs, then the answer. */
        stream: z.literal(true).optional(),
      }),
    result: () => z.unknown(),
    section: 'Tool callback',
  }),
};

export const toolEvents = {
  'tools.cancel': event({
    summary: 'A tools.execute was abandoned; its answer will be dropped',
    params: () => z.object({ request_id: z.string(), action_id: z.string(), reason: z.string() }),
    precondition: 'none: an in-flight tools.execute was abandoned',
    section: 'Tool callback',
  }),
  'tools.stream.event': event({
    summary: 'A running tool said something',
    params: () => z.object({ handle: z.string(), chunk: toolChunk() }),
    precondition: '`tools.stream.subscribe`',
    section: 'Tool methods',
  }),
};
