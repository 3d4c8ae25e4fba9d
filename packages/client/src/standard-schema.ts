// The parts of Standard Schema (standardschema.dev) and of its JSON Schema extension that tools use, so that a zod,
// valibot or arktype schema can describe a tool's parameters without the client depending on any of them.

/** Any schema that follows the Standard Schema specification. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    readonly jsonSchema?: { input(options: { target: 'draft-07' }): Record<string, unknown> };
  };
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export function isStandardSchema(schema: object): schema is StandardSchema {
  return '~standard' in schema;
}

/** The JSON Schema the daemon checks parameters with. */
export function toJsonSchema(schema: StandardSchema): Record<string, unknown> {
  const { jsonSchema, vendor } = schema['~standard'];
  if (!jsonSchema)
    throw new TypeError(`Cannot use a schema of ${vendor}: it does not offer JSON Schema; pass the JSON Schema itself`);
  const { $schema: _dialect, ...rest } = jsonSchema.input({ target: 'draft-07' });
  return rest;
}

/** The checked value, or an error naming each field and what was expected there. */
export async function checkParameters<Output>(
  schema: StandardSchema<Output>,
  tool: string,
  value: unknown,
): Promise<Output> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const problems = result.issues.map(({ path, message }) => `${pathText(path ?? [])}: ${message}`);
  throw new TypeError(`Invalid parameters for tool "${tool}": ${problems.join('; ')}`);
}

function pathText(path: NonNullable<StandardIssue['path']>): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || 'parameters';
}
