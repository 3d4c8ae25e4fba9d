/** JSON Schemas of tool parameters: checked at registration, compiled on first use. All that knows ajv is here. */
import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv';
import { BoundedCache } from './bounded-cache.ts';
import { toShortJson } from './json-value.ts';
import type { JsonObject } from './json-value.ts';

/** Makes the matcher of a `pattern`. Who runs other people's schemas passes an engine that cannot backtrack. */
export type RegExpEngine = (pattern: string, flags: string) => { test(text: string): boolean };

/** Compiling takes time that grows with the schema, on the event loop. */
export const MAX_SCHEMA_CHARS = 256 * 1024;

/** ajv never forgets what an instance compiled, so an instance is let go after this many schemas. */
const SCHEMAS_PER_COMPILER = 64;

type DialectName = 'draft-07' | '2020-12';
type Compiler = new (options: Options) => Ajv;
interface Dialect {
  readonly Compiler: Compiler;
  /** Knows the meta-schema; compiles nothing of ours. */
  readonly checker: Ajv;
  shared: Ajv;
  sharedBy: number;
}

const OPTIONS: Options = { strict: false, logger: false, ownProperties: true };
const COMPILE_OPTIONS: Options = { ...OPTIONS, meta: false, validateSchema: false };

const dialects = new Map<DialectName, Promise<Dialect>>();

/** Sessions register the same tools over and over; equal schemas are compiled once for all of them. */
const known = new BoundedCache<ParameterSchema>(1_000, 8 * 1024 * 1024);

/** The schema of one tool's parameters. After `prepare` it checks synchronously. */
export class ParameterSchema {
  readonly #schema: JsonObject;
  readonly #text: string;
  readonly #dialect: DialectName;
  readonly #regExp: RegExpEngine | undefined;
  #validate: ValidateFunction | undefined;
  #preparing: Promise<void> | undefined;
  /** Why the schema cannot be compiled. */
  #flaw: string | undefined;

  private constructor(schema: JsonObject, text: string, regExp: RegExpEngine | undefined) {
    this.#schema = withOpenRoot(schema);
    this.#text = text;
    this.#dialect = dialectOf(schema);
    this.#regExp = regExp;
  }

  /** The one for this schema, shared with everyone who has an equal one. */
  static for(schema: JsonObject, regExp?: RegExpEngine): ParameterSchema {
    const text = JSON.stringify(schema);
    // An engine of their own is for schemas that have a pattern; it costs them a compiler of their own.
    if (regExp !== undefined && text.includes('"pattern')) return new ParameterSchema(schema, text, regExp);
    let shared = known.get(text);
    if (shared === undefined) {
      shared = new ParameterSchema(schema, text, undefined);
      known.set(text, shared, text.length);
    }
    return shared;
  }

  /** Whether `check` may be called. True from the start where anything passes: that needs no ajv. */
  get isReady(): boolean {
    return this.#validate !== undefined || this.#flaw !== undefined || this.#acceptsAnything;
  }

  /** Rejects when this is no valid schema. Compiles only what the meta-schema cannot judge. */
  async assertValid(): Promise<void> {
    if (this.#validate !== undefined || this.#acceptsAnything) return;
    if (this.#text.length > MAX_SCHEMA_CHARS) {
      throw new Error(`it has ${this.#text.length} characters, at most ${MAX_SCHEMA_CHARS} are allowed`);
    }
    const { checker } = await loadDialect(this.#dialect);
    if (checker.validateSchema(this.#schema) !== true) {
      throw new Error(checker.errorsText(checker.errors, { dataVar: 'schema' }));
    }
    if (!/ef":|"pattern/.test(this.#text)) return;
    await this.prepare();
    if (this.#flaw !== undefined) throw new Error(this.#flaw);
  }

  /** Compiles the schema unless that is done. Does not reject: a flaw is what `check` then has to say of every call. */
  prepare(): Promise<void> {
    this.#preparing ??= loadDialect(this.#dialect)
      .then((dialect) => {
        this.#validate = this.#compile(dialect);
      })
      .catch((error: unknown) => {
        this.#flaw = error instanceof Error ? error.message : String(error);
      });
    return this.#preparing;
  }

  /** What is wrong with the parameters, or null. */
  check(parameters: JsonObject): string | null {
    if (this.#acceptsAnything) return null;
    if (this.#flaw !== undefined) return `the schema of the parameters is not valid: ${this.#flaw}`;
    if (this.#validate === undefined) throw new Error('A parameter schema was used before it was prepared');
    if (this.#validate(parameters)) return null;
    return this.#validate.errors?.map(describe).join('; ') ?? 'parameters do not match the schema';
  }

  get #acceptsAnything(): boolean {
    return Object.keys(this.#schema).length === 0;
  }

  #compile(dialect: Dialect): ValidateFunction {
    if (this.#regExp !== undefined) {
      const regExp = Object.assign(this.#regExp.bind(undefined), { code: 'new RegExp' });
      return new dialect.Compiler({ ...COMPILE_OPTIONS, code: { regExp } }).compile(this.#schema);
    }
    // Names live in the instance: a schema that has some would be visible to the next tool's schema.
    if (/"\$(id|anchor|dynamicAnchor)":/.test(this.#text)) {
      return new dialect.Compiler(COMPILE_OPTIONS).compile(this.#schema);
    }
    if (dialect.sharedBy >= SCHEMAS_PER_COMPILER) {
      dialect.shared = new dialect.Compiler(COMPILE_OPTIONS);
      dialect.sharedBy = 0;
    }
    dialect.sharedBy += 1;
    return dialect.shared.compile(this.#schema);
  }
}

/** A schema that names no dialect is read as 2020-12, as MCP does. */
function dialectOf(schema: JsonObject): DialectName {
  const named = schema['$schema'];
  return typeof named === 'string' && /draft-0[3467]\b/.test(named) ? 'draft-07' : '2020-12';
}

function loadDialect(name: DialectName): Promise<Dialect> {
  let dialect = dialects.get(name);
  if (dialect === undefined) {
    dialect = importCompiler(name).then((Compiler) => ({
      Compiler,
      checker: new Compiler(OPTIONS),
      shared: new Compiler(COMPILE_OPTIONS),
      sharedBy: 0,
    }));
    dialects.set(name, dialect);
  }
  return dialect;
}

async function importCompiler(name: DialectName): Promise<Compiler> {
  return name === 'draft-07' ? (await import('ajv')).Ajv : (await import('ajv/dist/2020.js')).Ajv2020;
}

/**
 * Extra parameters are never an error (Per-action pipeline), whatever the root of the schema says about them.
 * `$schema` has chosen the dialect; ajv would look a foreign one up.
 */
function withOpenRoot(schema: JsonObject): JsonObject {
  const { $schema: _dialect, ...open } = schema;
  if (open['additionalProperties'] === false) delete open['additionalProperties'];
  if (open['unevaluatedProperties'] === false) delete open['unevaluatedProperties'];
  return open;
}

/** Names the parameter and what was expected of it, never the value that was given. */
function describe(error: ErrorObject): string {
  const segments = error.instancePath.split('/').slice(1);
  const path = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~')).join('.');
  const params = error.params as JsonObject;
  if (error.keyword === 'required') {
    const missing = String(params['missingProperty']);
    return `parameter '${path === '' ? missing : `${path}.${missing}`}' is required`;
  }
  const where = path === '' ? 'parameters' : `parameter '${path}'`;
  const message = error.message ?? 'does not match the schema';
  if (error.keyword === 'enum') return `${where} must be one of ${toShortJson(params['allowedValues'])}`;
  if (error.keyword === 'additionalProperties') return `${where} ${message}: '${String(params['additionalProperty'])}'`;
  return `${where} ${message}`;
}
