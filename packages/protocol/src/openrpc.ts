// The contract as OpenRPC 1.x (spec.open-rpc.org), derived from the declarations.
import { z } from 'zod';
import type { CallbackDeclaration, DomainContract, EventDeclaration, MethodDeclaration } from './declare.ts';
import { errorTable, type ErrorKind } from './errors.ts';

type JsonSchema = Record<string, unknown>;

/** One method as JSON: what a program needs to call it. */
export function toMethodSchema(name: string, declaration: MethodDeclaration): Record<string, unknown> {
  const { summary, access, effect, section, params, result, deadlineMs, order, isExtension } = declaration;
  return {
    name,
    summary,
    access,
    effect,
    section,
    ...(order !== undefined && { order }),
    ...(deadlineMs !== undefined && { deadline_ms: deadlineMs }),
    ...(isExtension && { extension: true }),
    params: toJsonSchema(params, 'input'),
    result: toJsonSchema(result, 'output'),
  };
}

export interface OpenRpcInput {
  methods: DomainContract;
  events: Readonly<Record<string, EventDeclaration>>;
  callbacks: Readonly<Record<string, CallbackDeclaration>>;
  version: string;
}

/** The whole interface. Events and callbacks, which OpenRPC has no place for, stand under `x-events` and `x-callbacks`. */
export function toOpenRpc({ methods, events, callbacks, version }: OpenRpcInput): Record<string, unknown> {
  const schemas: Record<string, JsonSchema> = {};
  const document = toDocument({ methods, events, callbacks, version });
  return { ...(hoistDefinitions(document, schemas) as JsonSchema), components: { schemas: sortedRecord(schemas) } };
}

/** Named records of every schema, moved to one place and referred to from there. */
function hoistDefinitions(value: unknown, schemas: Record<string, JsonSchema>): unknown {
  if (Array.isArray(value)) return value.map((entry) => hoistDefinitions(entry, schemas));
  if (typeof value !== 'object' || value === null) return value;
  const { definitions, ...rest } = value as JsonSchema;
  for (const [name, schema] of Object.entries((definitions ?? {}) as Record<string, JsonSchema>)) {
    const { id: _name, ...definition } = hoistDefinitions(schema, schemas) as JsonSchema;
    schemas[name] = definition;
  }
  return Object.fromEntries(
    Object.entries(rest).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string'
        ? entry.replace('#/definitions/', '#/components/schemas/')
        : hoistDefinitions(entry, schemas),
    ]),
  );
}

function toDocument({ methods, events, callbacks, version }: OpenRpcInput): JsonSchema {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'CAR, the Common Agent Runtime',
      version,
      description: 'JSON-RPC 2.0 over WebSocket, on TCP and on a Unix socket.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ name: 'local daemon', url: 'ws://127.0.0.1:9100' }],
    methods: sortedEntries(methods).map(([name, declaration]) => toOpenRpcMethod(name, declaration)),
    'x-events': sortedEntries(events).map(([name, { summary, precondition, section, params }]) => ({
      name,
      summary,
      precondition,
      section,
      params: toJsonSchema(params, 'output'),
    })),
    'x-callbacks': sortedEntries(callbacks).map(([name, { summary, section, params, result }]) => ({
      name,
      summary,
      section,
      params: toJsonSchema(params, 'output'),
      result: toJsonSchema(result, 'input'),
    })),
  };
}

function toOpenRpcMethod(name: string, declaration: MethodDeclaration): Record<string, unknown> {
  const { definitions, ...params } = withRootInPlace(toJsonSchema(declaration.params, 'input'));
  const isPositional = params['type'] === 'array';
  return {
    // The params are taken apart below; what they refer to is hoisted from here.
    ...(definitions !== undefined && { definitions }),
    name,
    summary: declaration.summary,
    description: `Access: ${declaration.access}. Effect: ${declaration.effect}. Section: ${declaration.section}.`,
    paramStructure: isPositional ? 'by-position' : 'by-name',
    params: isPositional ? [] : toContentDescriptors(params),
    // A method whose params are one bare array cannot be said in OpenRPC's list of named params.
    ...(isPositional && { 'x-params': params }),
    result: { name: 'result', schema: toJsonSchema(declaration.result, 'output') },
    errors: (declaration.errors ?? []).map(toError),
    'x-access': declaration.access,
    'x-effect': declaration.effect,
    ...(declaration.isExtension && { 'x-extension': true }),
  };
}

/** A record with a name is a reference to its definition; params need its members. */
function withRootInPlace(schema: JsonSchema): JsonSchema {
  const { $ref, ...rest } = schema;
  const [, name] = typeof $ref === 'string' ? (/^#\/definitions\/(.+)$/.exec($ref) ?? []) : [];
  if (name === undefined) return schema;
  const { id: _name, ...root } = (rest['definitions'] as Record<string, JsonSchema>)[name] as JsonSchema;
  return { ...rest, ...root };
}

function toContentDescriptors(params: JsonSchema): Record<string, unknown>[] {
  const properties = (params['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (params['required'] ?? []) as string[];
  return Object.entries(properties)
    .map(([name, schema]) => ({ name, required: required.includes(name), schema }))
    .toSorted((left, right) => Number(right.required) - Number(left.required));
}

function toError(kind: ErrorKind): Record<string, unknown> {
  return { code: errorTable[kind].code, message: errorTable[kind].meaning, data: { reason: kind } };
}

/** A declared shape as JSON Schema (draft 7): as a caller writes it (`input`), or as a receiver finds it (`output`). */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-7',
    unrepresentable: 'any',
    // Results may gain members (Framing and dispatch), so a reader must not refuse those it does not know.
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  }) as JsonSchema;
  return rest;
}

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function sortedRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(sortedEntries(record));
}
