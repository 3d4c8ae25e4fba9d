// Schemas as people read them, in the method reference and in `car methods`.

export type JsonSchema = Record<string, unknown>;

/** A JSON Schema as a short TypeScript-like type. */
export function typeText(schema: JsonSchema, depth = 0): string {
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1) ?? 'any';
  if (schema['const'] !== undefined) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ');
  const union = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (union) return union.map((member) => typeText(member, depth)).join(' | ');
  const [only, ...others] = (schema['allOf'] ?? []) as JsonSchema[];
  if (only && others.length === 0) return typeText(only, depth);
  if (Array.isArray(schema['type'])) return schema['type'].join(' | ');
  if (schema['type'] === 'array') {
    const inner = typeText((schema['items'] ?? {}) as JsonSchema, depth);
    return / \| /.test(inner) ? `(${inner})[]` : `${inner}[]`;
  }
  if (schema['type'] === 'object') return objectText(schema, depth);
  return typeof schema['type'] === 'string' ? schema['type'].replace('integer', 'number') : 'any';
}

function objectText(schema: JsonSchema, depth: number): string {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  if (properties.length === 0) return schema['properties'] ? '{}' : 'object';
  if (depth > 3) return '{ … }';
  const required = (schema['required'] ?? []) as string[];
  const fields = properties.map(
    ([name, value]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(value, depth + 1)}`,
  );
  return `{ ${fields.join(', ')} }`;
}
