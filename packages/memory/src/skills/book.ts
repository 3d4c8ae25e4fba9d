// The skills of a memory: ingested, found, reported on, tried out against each other. Follows the graph, which keeps them.
import { createHash } from 'node:crypto';
import { spreadActivation } from '../classic/spread.ts';
import type { MemoryEngine } from '../engine.ts';
import { MemoryError } from '../errors.ts';
import type { GraphListener } from '../graph/graph.ts';
import type { MemoryNode, Provenance } from '../graph/model.ts';
import { matchSkill, successRatio, wilsonLowerBound, type SkillHit, type SkillQuery } from './matching.ts';
import {
  candidateSuffix,
  decodeSkill,
  encodeSkill,
  triggerPrefix,
  type Skill,
  type SkillDefinition,
  type SkillScope,
  type SkillTrigger,
  type Tier,
} from './model.ts';

/** Outcomes a candidate needs before it is decided. */
export const minTrialSamples = 5;

export interface SkillLimits {
  /** Skills of one tenant, candidates included. */
  maxSkills: number;
  /** Decided candidates of one tenant that are remembered; the oldest is forgotten, and may be tried again. */
  maxDecided: number;
}

const defaultLimits: SkillLimits = { maxSkills: 10_000, maxDecided: 1_000 };
const maxNameChars = 128;
/** What a task is looked up by, to see which skills the memory leads to. */
const maxSeeds = 10;
const minDomainOutcomes = 3;

export interface SkillInput {
  readonly name: string;
  readonly code: string;
  readonly platform?: string;
  readonly description?: string;
  readonly trigger?: Partial<SkillTrigger>;
  readonly scope?: SkillScope;
  readonly whenToApply?: string;
  readonly deploymentTier?: Tier;
  readonly tenant?: string;
  /** Name of a skill that this one takes the place of, besides one of its own name. */
  readonly supersedes?: string;
  readonly provenance?: Provenance;
}

export type SkillOutcome = 'success' | 'failure' | 'complaint';

export interface GateOutcome {
  readonly promoted: string[];
  readonly rejected: string[];
}

interface Shelf {
  /** Valid skills by key, in the order of their nodes. */
  readonly byKey: Map<string, number>;
  /** Digests of the code of candidates that were decided, with their nodes. */
  readonly decided: Map<string, number>;
}

const books = new WeakMap<MemoryEngine, SkillBook>();

/** The skills of a memory; one book for each. */
export function skillsOf(engine: MemoryEngine): SkillBook {
  let book = books.get(engine);
  if (!book) books.set(engine, (book = new SkillBook(engine)));
  return book;
}

export class SkillBook {
  readonly #engine: MemoryEngine;
  readonly #limits: SkillLimits;
  readonly #shelves = new Map<string, Shelf>();
  readonly #read = new WeakMap<MemoryNode, { counters: MemoryNode['counters']; skill: Skill | undefined }>();

  constructor(engine: MemoryEngine, limits: Partial<SkillLimits> = {}) {
    this.#engine = engine;
    this.#limits = { ...defaultLimits, ...limits };
    const listener: GraphListener = {
      nodeAdded: (node) => this.#put(node),
      nodeChanged: (node) => this.#put(node),
      nodeRemoved: (node) => this.#drop(node),
      reset: () => this.#shelves.clear(),
    };
    const follow = (): void => {
      this.#shelves.clear();
      for (const node of engine.graph.nodes()) this.#put(node);
      engine.graph.subscribe(listener);
    };
    follow();
    engine.onReplaced(follow);
  }

  /** The active or provisional skill of a key. */
  get(key: string, tenant = ''): Skill | undefined {
    return this.#skillAt(this.#shelves.get(tenant)?.byKey.get(key));
  }

  /** All of a tenant, in order of creation; with a domain those of it and the global ones. */
  list(tenant = '', domain?: string): Skill[] {
    const skills = [...(this.#shelves.get(tenant)?.byKey.values() ?? [])].map((index) => this.#skillAt(index));
    return skills
      .filter((skill) => skill !== undefined)
      .filter(({ scope }) => domain === undefined || scope === 'global' || scope.domain === domain)
      .sort((a, b) => a.node - b.node);
  }

  /** Adds a skill. One of the same name is deprecated, and its version is the one before. */
  ingest(input: SkillInput): Skill {
    const { name, tenant = '', supersedes } = input;
    checkName(name);
    const old = this.get(name, tenant);
    const other = supersedes === undefined || supersedes === name ? undefined : this.get(supersedes, tenant);
    if (supersedes !== undefined && !other && supersedes !== name) throw unknownSkill('supersede', supersedes);
    this.#checkRoom(tenant, 1);
    const skill = this.#add(name, toDefinition(input, (old ?? other)?.version ?? 0), input, (old ?? other)?.id);
    if (old && other) this.#end(other);
    return skill;
  }

  /** The best first; none that is degraded, or a candidate that does worse than what it would replace. */
  find(query: SkillQuery, limit: number, tenant = ''): SkillHit[] {
    const skills = this.list(tenant).filter((skill) => !skill.stats.degraded && !this.#isLosing(skill));
    if (skills.length === 0 || limit <= 0) return [];
    const activations = this.#activations(query.task, tenant);
    return skills
      .map((skill) => ({ skill, score: matchSkill(skill, query, activations.get(skill.node) ?? 0) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || a.skill.node - b.skill.node)
      .slice(0, limit);
  }

  /** Counts an outcome: a success, or a failure, of which a complaint is one. */
  report(key: string, outcome: SkillOutcome, tenant = ''): Skill {
    const skill = this.get(key, tenant);
    if (!skill) throw unknownSkill('report on', key);
    const atMs = this.#engine.nowMs;
    this.#engine.count([skill.id], outcome === 'success' ? 'successes' : 'failures', { tenant, atMs });
    if (outcome === 'complaint') this.#engine.count([skill.id], 'complaints', { tenant, atMs });
    return this.get(key, tenant)!;
  }

  /** Domains whose rate of success is below the threshold, with enough outcomes to say so. */
  domainsNeedingEvolution(threshold: number, tenant = ''): string[] {
    const byDomain = new Map<string, { successes: number; outcomes: number }>();
    for (const { scope, stats } of this.list(tenant)) {
      if (scope === 'global') continue;
      const { successes, outcomes } = byDomain.get(scope.domain) ?? { successes: 0, outcomes: 0 };
      const all = outcomes + stats.successCount + stats.failCount;
      byDomain.set(scope.domain, { successes: successes + stats.successCount, outcomes: all });
    }
    return [...byDomain]
      .filter(([, { successes, outcomes }]) => outcomes >= minDomainOutcomes && successes / outcomes < threshold)
      .map(([domain]) => domain)
      .sort();
  }

  /** Adds a candidate beside the skill it would replace; undefined for one that is on trial or was decided already. */
  ingestCandidate(input: SkillInput): Skill | undefined {
    const { name, code, tenant = '' } = input;
    checkName(name);
    const key = name + candidateSuffix;
    if (this.get(key, tenant) || this.#shelves.get(tenant)?.decided.has(digestOf(key, code))) return undefined;
    this.#checkRoom(tenant, 1);
    const definition = toDefinition(input, this.get(name, tenant)?.version ?? 0);
    return this.#add(key, { ...definition, status: 'provisional', incumbent: name }, input);
  }

  /** Decides the candidates with enough outcomes: in when surely better than the incumbent, else out for good. */
  gate(): GateOutcome {
    const promoted: string[] = [];
    const rejected: string[] = [];
    for (const tenant of this.#shelves.keys()) {
      for (const candidate of this.list(tenant)) {
        const { status, stats, key, name } = candidate;
        if (status !== 'provisional' || stats.successCount + stats.failCount < minTrialSamples) continue;
        const incumbent = this.get(name, tenant);
        const isBetter = wilsonLowerBound(stats) > (incumbent ? wilsonLowerBound(incumbent.stats) : 0);
        if (isBetter) this.#promote(candidate, incumbent);
        this.#end(candidate);
        (isBetter ? promoted : rejected).push(key);
      }
      this.#forgetDecided(tenant);
    }
    return { promoted, rejected };
  }

  #promote(candidate: Skill, incumbent: Skill | undefined): void {
    const { incumbent: _, ...definition } = candidate;
    const version = (incumbent?.version ?? 0) + 1;
    const { counters } = this.#engine.graph.node(candidate.node)!;
    // What was granted to the incumbent was not granted to what replaces it.
    const { deploymentTier: __, ...ungoverned } = definition;
    this.#add(candidate.name, { ...ungoverned, version, status: 'active' }, { ...candidate, counters }, incumbent?.id);
  }

  #add(
    key: string,
    definition: SkillDefinition,
    {
      tenant = '',
      provenance,
      counters,
    }: Pick<SkillInput, 'tenant' | 'provenance'> & Partial<Pick<MemoryNode, 'counters'>>,
    supersedes?: string,
  ): Skill {
    const common = { tenant, ...(provenance && { provenance }) };
    const node = this.#engine.addSkill({
      ...common,
      id: `skill:${key}`,
      key,
      value: encodeSkill(definition),
      ...(counters && { counters }),
      ...(supersedes !== undefined && { supersedes }),
    });
    for (const fact of [...this.#engine.graph.factsOfKey(triggerKey(key), { tenant })])
      this.#engine.invalidate(fact.id, tenant);
    this.#engine.ingest({
      ...common,
      id: triggerKey(key),
      key: triggerKey(key),
      value: describeTrigger(definition),
      links: [[node.id, 'triggers', 1]],
    });
    return this.#skillAt(node.index)!;
  }

  #end(skill: Skill): void {
    const { key, tenant } = skill;
    this.#engine.invalidate(skill.id, tenant);
    if (this.get(key, tenant)) return;
    for (const fact of [...this.#engine.graph.factsOfKey(triggerKey(key), { tenant })])
      this.#engine.invalidate(fact.id, tenant);
  }

  #isLosing(skill: Skill): boolean {
    if (skill.status !== 'provisional' || skill.stats.successCount + skill.stats.failCount === 0) return false;
    const incumbent = this.get(skill.name, skill.tenant);
    return incumbent !== undefined && successRatio(skill.stats) < successRatio(incumbent.stats);
  }

  /** Where the words of a task lead in the graph, by node. */
  #activations(task: string, tenant: string): Map<number, number> {
    if (task.trim() === '') return new Map();
    const { graph, reader } = this.#engine;
    const hits = reader.query(task, { tenant, limit: maxSeeds });
    const highest = hits[0]?.score ?? 1;
    const seeds = hits.map(({ node, score }) => ({ index: node.index, score: score / highest }));
    const spread = spreadActivation(graph.walkColumns(), graph.toWalkView({ tenant }), seeds);
    return new Map(spread.map(({ index, score }) => [index, score]));
  }

  #checkRoom(tenant: string, more: number): void {
    const count = this.#shelves.get(tenant)?.byKey.size ?? 0;
    const { maxSkills } = this.#limits;
    if (count + more <= maxSkills) return;
    throw new MemoryError('too_many_skills', `Cannot keep another skill: there are ${count}, at most ${maxSkills}`);
  }

  #forgetDecided(tenant: string): void {
    const decided = this.#shelves.get(tenant)?.decided;
    const { maxDecided } = this.#limits;
    if (!decided || decided.size <= maxDecided) return;
    const oldest = [...decided.values()].sort((a, b) => a - b).slice(0, decided.size - maxDecided);
    this.#engine.removeNodes(
      oldest.map((index) => this.#engine.graph.node(index)).filter((node) => node !== undefined),
    );
  }

  #skillAt(index: number | undefined): Skill | undefined {
    const node = index === undefined ? undefined : this.#engine.graph.node(index);
    if (!node) return undefined;
    const known = this.#read.get(node);
    if (known && known.counters === node.counters) return known.skill;
    const skill = decodeSkill(node);
    this.#read.set(node, { counters: node.counters, skill });
    return skill;
  }

  #put(node: MemoryNode): void {
    if (node.kind !== 'skill' && node.kind !== 'skill_deprecated') return;
    let shelf = this.#shelves.get(node.tenant);
    if (!shelf) this.#shelves.set(node.tenant, (shelf = { byKey: new Map(), decided: new Map() }));
    if (node.kind === 'skill') shelf.byKey.set(node.key, node.index);
    else {
      if (shelf.byKey.get(node.key) === node.index) shelf.byKey.delete(node.key);
      const skill = node.key.endsWith(candidateSuffix) ? this.#skillAt(node.index) : undefined;
      if (skill) shelf.decided.set(digestOf(node.key, skill.code), node.index);
    }
  }

  #drop(node: MemoryNode): void {
    const shelf = this.#shelves.get(node.tenant);
    if (shelf?.byKey.get(node.key) === node.index) shelf.byKey.delete(node.key);
    for (const [digest, index] of shelf?.decided ?? []) if (index === node.index) shelf?.decided.delete(digest);
  }
}

function triggerKey(key: string): string {
  return triggerPrefix + key;
}

function describeTrigger({ trigger, description, whenToApply }: SkillDefinition): string {
  const { persona, urlPattern, taskKeywords } = trigger;
  return [persona, urlPattern, taskKeywords.join(', '), description, whenToApply]
    .filter((text) => text !== '')
    .join('; ');
}

function toDefinition(input: SkillInput, previousVersion: number): SkillDefinition {
  const { name, code, platform = '', description = '', trigger = {}, scope = 'global', whenToApply = '' } = input;
  const { persona = '', urlPattern = '', taskKeywords = [], structured } = trigger;
  return {
    name,
    code,
    platform,
    description,
    trigger: { persona, urlPattern, taskKeywords, ...(structured && { structured }) },
    scope,
    whenToApply,
    version: previousVersion + 1,
    status: 'active',
    ...(input.deploymentTier !== undefined && { deploymentTier: input.deploymentTier }),
  };
}

function checkName(name: string): void {
  const wrong =
    name.length === 0 || name.length > maxNameChars
      ? `it has ${name.length} characters, and needs 1 to ${maxNameChars}`
      : /[\p{Cc}\p{Cf}\p{Cs}/\\]/u.test(name) || name.startsWith('.')
        ? 'it holds a control character, a slash or a backslash, or begins with a dot'
        : name.endsWith(candidateSuffix)
          ? `names that end in ${candidateSuffix} stand for candidates`
          : undefined;
  if (wrong === undefined) return;
  throw new MemoryError(
    'bad_skill_name',
    `Cannot name a skill ${JSON.stringify(name.slice(0, 200))}: ${wrong}`,
    'name',
  );
}

function unknownSkill(what: string, name: string): MemoryError {
  const shown = JSON.stringify(name.slice(0, 200));
  return new MemoryError('unknown_skill', `Cannot ${what} skill ${shown}: there is no active one of that name`);
}

function digestOf(key: string, code: string): string {
  return createHash('sha256')
    .update(JSON.stringify([key, code]))
    .digest('base64url');
}
