// A form of a method's params, and back. Scalars get fields of their own; everything else is JSON in a text area.

export interface JsonSchema {
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly JsonSchema[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  default?: unknown;
  $ref?: string;
  definitions?: Readonly<Record<string, JsonSchema>>;
}

export interface MethodSchema {
  name: string;
  summary: string;
  access: string;
  effect: string;
  params: JsonSchema;
}

export interface Field {
  name: string;
  kind: 'text' | 'number' | 'choice' | 'json';
  isRequired: boolean;
  choices?: readonly string[];
  hint: string;
}

/** Name of the one field of params that are no object with known fields. */
const whole = 'params';

export function formOf(method: MethodSchema): Field[] {
  const params = shapeOf(method);
  const { properties, required = [] } = params;
  if (!properties)
    return [{ name: whole, kind: 'json', isRequired: true, hint: typesOf(params).join(' or ') || 'JSON' }];
  return Object.entries(properties).map(([name, schema]) => fieldOf(name, schema, required.includes(name)));
}

/** The schema itself, or the named one it refers to. */
function shapeOf({ params }: MethodSchema): JsonSchema {
  const name = params.$ref?.replace('#/definitions/', '');
  return (name === undefined ? undefined : params.definitions?.[name]) ?? params;
}

function fieldOf(name: string, schema: JsonSchema, isRequired: boolean): Field {
  const given = schema.default === undefined ? '' : `, default ${JSON.stringify(schema.default)}`;
  const types = typesOf(schema);
  const choices = choicesOf(schema);
  if (choices) return { name, kind: 'choice', isRequired, choices, hint: `one of ${choices.length}${given}` };
  if (types.length === 1 && types[0] === 'string') return { name, kind: 'text', isRequired, hint: `text${given}` };
  if (types.length === 1 && (types[0] === 'number' || types[0] === 'integer'))
    return { name, kind: 'number', isRequired, hint: `${types[0]}${given}` };
  if (types.length === 1 && types[0] === 'boolean')
    return { name, kind: 'choice', isRequired, choices: ['true', 'false'], hint: `boolean${given}` };
  return { name, kind: 'json', isRequired, hint: `JSON${types.length > 0 ? `: ${types.join(' or ')}` : ''}${given}` };
}

/** `null` is what leaving out means, so it is no type of its own here. */
function typesOf({ type, anyOf }: JsonSchema): string[] {
  const own = type === undefined ? [] : [type].flat();
  return [...new Set([...own, ...(anyOf ?? []).flatMap((each) => typesOf(each))])].filter((name) => name !== 'null');
}

function choicesOf(schema: JsonSchema): readonly string[] | undefined {
  const options = (schema.anyOf ?? [schema]).filter(({ type }) => type !== 'null');
  const values = options.length === 1 ? options[0]?.enum : undefined;
  return values?.every((value) => typeof value === 'string') ? values : undefined;
}

/** What was filled in. A field that was left empty is left out, and one that is not JSON is named. */
export function paramsOf(schema: MethodSchema, filled: FormData): { params?: unknown; problem?: string } {
  const params: Record<string, unknown> = {};
  for (const field of formOf(schema)) {
    const entry = filled.get(field.name);
    const text = typeof entry === 'string' ? entry : '';
    if (text === '' && !(field.isRequired && field.kind === 'text')) continue;
    const value = valueOf(field, text);
    if ('problem' in value) return value;
    if (field.name === whole && !shapeOf(schema).properties) return { params: value.value };
    Object.defineProperty(params, field.name, { value: value.value, enumerable: true });
  }
  return { params };
}

function valueOf({ name, kind, choices }: Field, text: string): { value: unknown } | { problem: string } {
  if (kind === 'text' || (kind === 'choice' && choices?.[0] !== 'true')) return { value: text };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `${name}: ${(error as Error).message}` };
  }
}
