// Skills of the memory that a connection works on.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@car-runtime/engine';
import {
  candidateSuffix,
  decideDeployment,
  enforceDeployment,
  skillsOf,
  type DeploymentDecision,
  type Enforcement,
  type GateOutcome,
  type MemoryEngine,
  type Skill,
  type SkillBook,
  type SkillHit,
  type SkillInput,
  type SkillOutcome,
  type SkillProvenance,
  type SkillQuery,
  type Verdict,
} from '@car-runtime/memory';
import { fail, type JournalEvent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { fromDocument, toDocument } from './document.ts';
import { fromDistilled, onMemory, toTraceEvent, type DistilledSkill, type TraceEvent } from './shapes.ts';
import { Keyring, type PackManifest } from './signatures.ts';

export type Tier = NonNullable<DeploymentDecision['ceiling']>;

/** Events that tell how actions ended. */
const tracedKinds: ReadonlySet<string> = new Set([
  'action_succeeded',
  'action_failed',
  'action_rejected',
  'policy_violation',
]);

/** What a model does for skills, where one is configured. */
export interface SkillModel {
  distill(events: readonly TraceEvent[], signal: AbortSignal): Promise<DistilledSkill[]>;
  evolve(events: readonly TraceEvent[], skills: readonly Skill[], signal: AbortSignal): Promise<DistilledSkill[]>;
  /** New code, or nothing when it finds none. */
  repair(skill: Skill, signal: AbortSignal): Promise<string | undefined>;
}

/** A memory and how its changes are handed to the operating system. */
export interface SkillMemory {
  readonly engine: MemoryEngine;
}

export interface SkillServiceOptions {
  memoryOf(connection: Connection): SkillMemory | Promise<SkillMemory>;
  append(connection: Connection, kind: string, data: object): void;
  /** What people decided about a fingerprint. */
  verdictOn(fingerprint: string): Verdict;
  /** Keys, in base64, whose signature makes a pack official. */
  trustedSigners?: readonly string[] | undefined;
  /** What scanned skills that nobody signed may do at most. Default `read_only`. */
  communityCeiling?: Tier | null | undefined;
  model?: SkillModel | undefined;
}

export type ClaimedProvenance = Partial<
  Pick<SkillProvenance, 'signed' | 'signerTrusted' | 'scanned' | 'vulnerabilities'>
>;

export interface Deployment {
  readonly decision: DeploymentDecision;
  readonly enforcement: Enforcement;
  readonly fingerprint: string;
}

export class SkillService {
  readonly #options: SkillServiceOptions;
  readonly keyring: Keyring;

  constructor(options: SkillServiceOptions) {
    this.#options = options;
    this.keyring = new Keyring(options.trustedSigners ?? []);
  }

  async ingest(connection: Connection, input: SkillInput): Promise<Skill> {
    return await this.#change(connection, (book) => book.ingest(input));
  }

  async find(connection: Connection, query: SkillQuery, limit: number, tenant: string): Promise<SkillHit[]> {
    const { engine } = await this.#options.memoryOf(connection);
    // In slices: nobody waits for the index of a memory that was just loaded.
    await engine.reader.prepare();
    return skillsOf(engine).find(query, limit, tenant);
  }

  async report(connection: Connection, key: string, outcome: SkillOutcome, tenant: string): Promise<Skill> {
    return await this.#change(connection, (book) => book.report(key, outcome, tenant));
  }

  async get(connection: Connection, key: string, tenant: string): Promise<Skill | undefined> {
    return (await this.#bookOf(connection)).get(key, tenant);
  }

  async list(connection: Connection, domain: string | undefined, tenant: string): Promise<Skill[]> {
    return (await this.#bookOf(connection)).list(tenant, domain);
  }

  /** Mended code; nothing when the skill is not broken, nobody can mend it, or the model failed to. */
  async repair(connection: Connection, name: string, tenant: string, signal: AbortSignal): Promise<string | undefined> {
    const skill = await this.get(connection, name, tenant);
    if (!skill?.stats.brokenForRepair) return undefined;
    try {
      return await this.#options.model?.repair(skill, signal);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  async distill(events: readonly TraceEvent[], signal: AbortSignal): Promise<DistilledSkill[]> {
    const { model } = this.#options;
    return model ? await fromModel('distil', signal, model.distill(events, signal)) : [];
  }

  /**
   * Makes candidates of what happened lately, which are tried before they count: nobody looked at them. How many were added;
   * none without a model, and when it fails.
   */
  async distillLately(connection: Connection, happened: readonly JournalEvent[], signal: AbortSignal): Promise<number> {
    const events = happened.filter(({ kind }) => tracedKinds.has(kind)).map(toTraceEvent);
    if (events.length === 0 || !this.#options.model) return 0;
    try {
      return await this.ingestCandidates(connection, await this.distill(events, signal), '');
    } catch {
      signal.throwIfAborted();
      return 0;
    }
  }

  async evolve(
    connection: Connection,
    events: readonly TraceEvent[],
    domain: string,
    signal: AbortSignal,
  ): Promise<DistilledSkill[]> {
    const { model } = this.#options;
    if (!model) {
      throw fail('failed', 'Cannot evolve skills: no model is configured', { data: { reason: 'no_model' } });
    }
    const skills = await this.list(connection, domain, '');
    return await fromModel('evolve', signal, model.evolve(events, skills, signal));
  }

  async ingestDistilled(connection: Connection, skills: readonly DistilledSkill[], tenant: string): Promise<number> {
    await this.#change(connection, (book) => {
      for (const each of skills) book.ingest(fromDistilled(each, tenant));
    });
    return skills.length;
  }

  async ingestCandidates(connection: Connection, skills: readonly DistilledSkill[], tenant: string): Promise<number> {
    return await this.#change(
      connection,
      (book) => skills.filter((each) => book.ingestCandidate(fromDistilled(each, tenant))).length,
    );
  }

  async domainsNeedingEvolution(connection: Connection, threshold: number, tenant: string): Promise<string[]> {
    return (await this.#bookOf(connection)).domainsNeedingEvolution(threshold, tenant);
  }

  async gate(connection: Connection): Promise<GateOutcome> {
    const outcome = await this.#change(connection, (book) => book.gate());
    for (const candidate of outcome.promoted) this.#options.append(connection, 'candidate_promoted', { candidate });
    for (const candidate of outcome.rejected) this.#options.append(connection, 'candidate_rejected', { candidate });
    return outcome;
  }

  async export(connection: Connection, key: string, tenant: string): Promise<string | undefined> {
    const skill = await this.get(connection, key, tenant);
    return skill?.status === 'active' && !skill.stats.degraded ? toDocument(skill) : undefined;
  }

  async import(connection: Connection, document: string, tenant: string): Promise<Skill> {
    return await this.ingest(connection, { ...fromDocument(document), tenant });
  }

  /** The skill's own record counts, whatever a caller says of it. */
  async decide(
    connection: Connection,
    name: string,
    tenant: string,
    provenance: ClaimedProvenance,
    requested: Tier,
  ): Promise<Deployment> {
    const skill = await this.get(connection, name, tenant);
    return this.#deployment(name, skill?.code, skill, provenance, requested);
  }

  async ingestGoverned(
    connection: Connection,
    input: SkillInput,
    provenance: ClaimedProvenance,
    requested: Tier,
  ): Promise<Deployment & { skill: Skill | undefined }> {
    return await this.#change(connection, (book) => this.#ingestGoverned(book, input, provenance, requested));
  }

  /** Each skill of a pack by itself: what may not be deployed keeps none of the others out. */
  async adopt(
    connection: Connection,
    inputs: readonly SkillInput[],
    provenance: ClaimedProvenance,
    requested: Tier,
  ): Promise<{ name: string; deployment: Deployment | undefined; refusal: string | undefined }[]> {
    return await this.#change(connection, (book) =>
      inputs.map((input) => {
        try {
          const deployment = this.#ingestGoverned(book, input, provenance, requested);
          const refusal = deployment.enforcement.blocked ? deployment.enforcement.reason : undefined;
          return { name: input.name, deployment, refusal };
        } catch (error) {
          return { name: input.name, deployment: undefined, refusal: (error as Error).message };
        }
      }),
    );
  }

  checkManifest(skills: readonly SkillInput[], manifest: PackManifest): { signed: boolean; signerTrusted: boolean } {
    return this.keyring.check(skills, manifest);
  }

  /** What a skill may do at most: what was granted, and no more than looking when it was never governed or has failed. */
  async deploymentTierOf(connection: Connection, name: string): Promise<Tier | undefined> {
    const skill = await this.get(connection, name, '');
    return skill?.stats.degraded ? 'read_only' : skill?.deploymentTier;
  }

  #ingestGoverned(book: SkillBook, input: SkillInput, provenance: ClaimedProvenance, requested: Tier) {
    const known = book.get(input.name, input.tenant);
    const sameCode = known?.code === input.code ? known : undefined;
    const deployment = this.#deployment(input.name, input.code, sameCode, provenance, requested);
    const { deploy, effectiveTier } = deployment.enforcement;
    const skill =
      deploy && effectiveTier !== null ? book.ingest({ ...input, deploymentTier: effectiveTier }) : undefined;
    return { ...deployment, skill };
  }

  #deployment(
    name: string,
    code: string | undefined,
    skill: Skill | undefined,
    { signed = false, signerTrusted = false, scanned = false, vulnerabilities = 0 }: ClaimedProvenance,
    requested: Tier,
  ): Deployment {
    const { successCount = 0, failCount = 0 } = skill?.stats ?? {};
    const provenance = {
      signed,
      signerTrusted: signed && signerTrusted,
      scanned,
      vulnerabilities,
      successCount,
      failCount,
    };
    const decision = decideDeployment(provenance, requested, this.#options.communityCeiling);
    const fingerprint = fingerprintOf(name, code, requested);
    const verdict = decision.outcome === 'deny' ? this.#options.verdictOn(fingerprint) : undefined;
    return { decision, enforcement: enforceDeployment(decision, requested, verdict), fingerprint };
  }

  async #bookOf(connection: Connection): Promise<SkillBook> {
    return skillsOf((await this.#options.memoryOf(connection)).engine);
  }

  /** One synchronous block; each of its records is with the operating system before it counts. */
  async #change<T>(connection: Connection, change: (book: SkillBook) => T): Promise<T> {
    const memory = await this.#options.memoryOf(connection);
    return onMemory(() => change(skillsOf(memory.engine)));
  }
}

/** What a model answers; its failure, which may say anything, becomes an error that says what could not be done. */
async function fromModel<T>(what: string, signal: AbortSignal, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    signal.throwIfAborted();
    throw fail('failed', `Cannot ${what} skills: the model failed`, { data: { reason: 'model_failed' }, cause });
  }
}

/** What a person decides about: this code, under this name, at this tier. */
function fingerprintOf(name: string, code: string | undefined, requested: Tier): string {
  const digest = code === undefined ? null : createHash('sha256').update(code).digest('hex');
  const subject = { kind: 'skill', name: name.replace(new RegExp(`${candidateSuffix}$`), ''), code: digest, requested };
  return createHash('sha256').update(canonicalJson(subject)).digest('hex');
}
