// What is known of agents, on disk: `agents.json` with all specs, and beside it a folder with `<id>/manifest.toml` for
// each, which wins when they differ (Agents, Supervisor files). Both hold tokens.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { agentId, agentManifest, type AgentManifest } from '@car-runtime/protocol';
import { parse, stringify } from 'smol-toml';
import { z } from 'zod';
import { makePrivateFolder, readPrivateFile, writePrivateFile } from '../../infra/private-file.ts';
import { toSpec, type AgentSpec } from './agent-spec.ts';

const manifestName = 'manifest.toml';

export class ManifestError extends Error {}

/** Reads without taking anything: also for whoever does not hold the lock. */
export class ManifestStore {
  readonly path: string;
  /** `agents/` beside `agents.json`; of another manifest a folder of its own, so that two never share an agent. */
  readonly folder: string;
  /** Manifests as they were installed, by id: what is not in the spec stays in the file. */
  readonly #manifests = new Map<string, AgentManifest>();

  constructor(path: string) {
    this.path = path;
    this.folder = path.endsWith('.json') ? path.slice(0, -'.json'.length) : `${path}.d`;
  }

  /** All specs by id. Throws `ManifestError` when a file is not what it should be: nothing is guessed, nothing lost. */
  load(): Map<string, AgentSpec> {
    const specs = new Map(this.#readList().map((spec) => [spec.id, spec]));
    for (const [id, manifest] of this.#readFolder()) {
      this.#manifests.set(id, manifest);
      const spec = toManifestSpec(manifest);
      if (spec) specs.set(id, spec);
    }
    return specs;
  }

  /** Gives every agent that is only in the list a file of its own. */
  mirror(specs: ReadonlyMap<string, AgentSpec>): void {
    for (const spec of specs.values()) if (!this.#manifests.has(spec.id)) this.#writeManifest(spec);
  }

  has(id: string): boolean {
    return this.#manifests.has(id);
  }

  get installedIds(): Iterable<string> {
    return this.#manifests.keys();
  }

  /** Stores a spec: its own file first, since that one wins. */
  save(spec: AgentSpec, all: ReadonlyMap<string, AgentSpec>): void {
    this.#writeManifest(spec);
    this.#writeList(all);
  }

  /** Stores a manifest, with the spec of its process when it has one. */
  install(manifest: AgentManifest, spec: AgentSpec | undefined, all: ReadonlyMap<string, AgentSpec>): void {
    this.#manifests.set(manifest.agent.id, manifest);
    if (spec) this.save(spec, all);
    else this.#write(manifest.agent.id, manifest);
  }

  remove(id: string, all: ReadonlyMap<string, AgentSpec>): void {
    this.#writeList(all);
    this.#manifests.delete(id);
    rmSync(join(this.folder, id), { recursive: true, force: true });
  }

  #readList(): AgentSpec[] {
    const text = this.#read(this.path);
    if (text === undefined || text.trim() === '') return [];
    const list = parsing(this.path, () => {
      const value: unknown = JSON.parse(text);
      return z.array(storedSpec()).parse(Array.isArray(value) ? value : (value as { agents?: unknown }).agents);
    });
    return list.map((entry) => toSpec(entry, entry.command));
  }

  #readFolder(): [string, AgentManifest][] {
    return foldersIn(this.folder).flatMap((id) => {
      const path = join(this.folder, id, manifestName);
      const text = this.#read(path);
      if (text === undefined) return [];
      const manifest = parsing(path, () => agentManifest().parse(parse(text)));
      if (manifest.agent.id !== id)
        throw new ManifestError(`Cannot use ${path}: agent.id is ${JSON.stringify(manifest.agent.id)}, not ${id}`);
      return [[id, manifest] as [string, AgentManifest]];
    });
  }

  #read(path: string): string | undefined {
    try {
      return readPrivateFile(path);
    } catch (error) {
      throw new ManifestError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  #writeList(specs: ReadonlyMap<string, AgentSpec>): void {
    makeFolderOf(this.path);
    writePrivateFile(this.path, `${JSON.stringify({ agents: [...specs.values()] }, undefined, 2)}\n`);
  }

  #writeManifest(spec: AgentSpec): void {
    const installed = this.#manifests.get(spec.id);
    const { id, name, ...transport } = spec;
    const { binary_url, health_url } = installed?.transport ?? {};
    this.#write(id, {
      ...installed,
      agent: { ...installed?.agent, id, name },
      transport: { kind: 'external_process', binary_url, health_url, ...transport } as AgentManifest['transport'],
    });
  }

  #write(id: string, manifest: AgentManifest): void {
    makePrivateFolder(this.folder);
    makePrivateFolder(join(this.folder, id));
    writePrivateFile(join(this.folder, id, manifestName), stringify(withoutNulls(manifest)));
    this.#manifests.set(id, manifest);
  }
}

/** Stored entries come from us or from somebody's editor: a field that nobody knows is a mistake. */
const storedSpec = () => {
  const {
    kind: _kind,
    interpreter: _interpreter,
    binary_url: _binary,
    health_url: _health,
    ...fields
  } = agentManifest().shape.transport.shape;
  return z.strictObject({ id: agentId(), name: z.string(), ...fields, command: z.string().min(1) });
};

/** The process a manifest describes, if it describes one. */
function toManifestSpec({ agent, transport }: AgentManifest): AgentSpec | undefined {
  if (transport.kind !== 'external_process' || transport.command == null) return undefined;
  return toSpec({ ...transport, id: agent.id, name: agent.name }, transport.command);
}

function parsing<T>(path: string, parseIt: () => T): T {
  try {
    return parseIt();
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ') : (error as Error).message;
    throw new ManifestError(`Cannot use ${path}: ${why.replace(/^✖ /, '')}`, { cause: error });
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && agentId().safeParse(entry.name).success)
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ManifestError(`Cannot read ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** Only made when it is missing: a manifest may stand in a folder that is others' business. */
export function makeFolderOf(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ManifestError(`Cannot make the folder of ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** TOML has no null. */
function withoutNulls(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value, (_key, each: unknown) => each ?? undefined));
}
