import type { SkillOutcome } from '@car-runtime/memory';
import { fail, type skill as contract } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { ClaimedProvenance, Deployment, SkillService, Tier } from './service.ts';
import { toDecisionRow, toEnforcementRow, toInput, toMeta, toStatsRow } from './shapes.ts';

export function skillMethods(service: SkillService): Handlers<typeof contract> {
  return {
    'skill.ingest': async (params, { connection }) => (await service.ingest(connection, toInput(params))).node,
    'skill.find': async ({ persona, url, task, max_results, tenant_id = '' }, { connection }) => {
      const hits = await service.find(connection, { persona, url, task }, max_results, tenant_id);
      return hits.map(({ skill, score }) => ({
        name: skill.name,
        code: skill.code,
        platform: skill.platform,
        description: skill.description,
        stats: toStatsRow(skill),
        match_score: score,
      }));
    },
    'skill.report': async ({ skill_name, outcome, tenant_id = '' }, { connection }) =>
      toStatsRow(await service.report(connection, skill_name, toOutcome(outcome), tenant_id)),
    'skill.repair': async ({ skill_name, tenant_id = '' }, { connection, signal }) => {
      const code = await service.repair(connection, skill_name, tenant_id, signal);
      return code === undefined ? null : { code };
    },
    'skill.meta': async ({ key, tenant_id = '' }, { connection }) => {
      const skill = await service.get(connection, key, tenant_id);
      return skill ? toMeta(skill) : null;
    },
    'skill.export': async ({ key, tenant_id = '' }, { connection }) =>
      (await service.export(connection, key, tenant_id)) ?? null,
    'skill.import': async ({ markdown, tenant_id = '' }, { connection }) => {
      await service.import(connection, markdown, tenant_id);
      return { imported: true };
    },
    'skill.gate_deployment': async ({ skill_name, provenance, requested_tier, tenant_id = '' }, { connection }) => {
      const claimed = toClaimed(provenance);
      return toDecisionRow((await service.decide(connection, skill_name, tenant_id, claimed, requested_tier)).decision);
    },
    'skill.enforce_deployment': async ({ skill_name, provenance, requested_tier, tenant_id = '' }, { connection }) => {
      const claimed = toClaimed(provenance);
      const deployment = await service.decide(connection, skill_name, tenant_id, claimed, requested_tier);
      return toDeploymentRow(deployment, skill_name, requested_tier);
    },
    'skill.ingest_governed': async ({ provenance, requested_tier, ...params }, { connection }) => {
      const claimed = toClaimed(provenance);
      const { skill, ...deployment } = await service.ingestGoverned(
        connection,
        toInput(params),
        claimed,
        requested_tier,
      );
      return {
        ingested: skill !== undefined,
        ...(skill && { node: skill.node }),
        ...toDeploymentRow(deployment, params.name, requested_tier),
      };
    },
    'skill.adopt_pack': async (params, { connection }) => {
      const { pack, requested_tier, manifest, provenance, scanned, vulnerabilities, source, tenant_id } = params;
      if (manifest && provenance) {
        throw fail(
          'invalid_params',
          'Invalid params for skill.adopt_pack: manifest and provenance exclude each other',
          {
            data: { reason: 'invalid_params', field: 'provenance' },
          },
        );
      }
      const inputs = pack.skills.map((each) => toInput({ ...each, tenant_id: each.tenant_id ?? tenant_id }));
      const { signed, signerTrusted } = manifest
        ? service.checkManifest(inputs, manifest)
        : { signed: false, signerTrusted: false };
      const claimed = provenance ? toClaimed(provenance) : { signed, signerTrusted, scanned, vulnerabilities };
      const adopted = await service.adopt(connection, inputs, claimed, requested_tier);
      return {
        loaded: adopted.flatMap(({ name, deployment }) => (deployment?.enforcement.deploy ? [name] : [])),
        pending: adopted.flatMap(({ name, deployment }) =>
          deployment?.enforcement.pending ? [{ skill_id: name, fingerprint: deployment.fingerprint }] : [],
        ),
        refused: adopted.flatMap(({ name, refusal }) =>
          refusal === undefined ? [] : [{ skill_id: name, reason: refusal }],
        ),
        requested_tier,
        provenance: {
          signed: claimed.signed ?? false,
          signer_trusted: claimed.signerTrusted ?? false,
          scanned: claimed.scanned ?? false,
          vulnerabilities: claimed.vulnerabilities ?? 0,
          source: provenance?.source ?? source,
        },
        trusted_signers: service.keyring.size,
      };
    },
    'skills.list': async ({ domain, tenant_id = '' }, { connection }) =>
      (await service.list(connection, domain, tenant_id)).map(toMeta),
    'skills.distill': ({ events }, { signal }) => service.distill(events, signal),
    'skills.ingest_distilled': async ({ skills, tenant_id = '' }, { connection }) => ({
      ingested: await service.ingestDistilled(connection, skills, tenant_id),
    }),
    'skills.evolve': ({ events, domain }, { connection, signal }) => service.evolve(connection, events, domain, signal),
    'skills.domains_needing_evolution': ({ threshold, tenant_id = '' }, { connection }) =>
      service.domainsNeedingEvolution(connection, threshold, tenant_id),
    'skills.ingest_provisional': async ({ skills, tenant = '' }, { connection }) => ({
      ingested: await service.ingestCandidates(connection, skills, tenant),
    }),
    'skills.gate': (_params, { connection }) => service.gate(connection),
  };
}

function toOutcome(text: string): SkillOutcome {
  return text === 'success' || text === 'complaint' ? text : 'failure';
}

interface WireProvenance {
  signed?: boolean | undefined;
  signer_trusted?: boolean | undefined;
  scanned?: boolean | undefined;
  vulnerabilities?: number | undefined;
}

function toClaimed({ signed, signer_trusted, scanned, vulnerabilities }: WireProvenance = {}): ClaimedProvenance {
  return {
    ...(signed !== undefined && { signed }),
    ...(signer_trusted !== undefined && { signerTrusted: signer_trusted }),
    ...(scanned !== undefined && { scanned }),
    ...(vulnerabilities !== undefined && { vulnerabilities }),
  };
}

function toDeploymentRow({ decision, enforcement, fingerprint }: Deployment, skill_name: string, requested_tier: Tier) {
  return {
    decision: toDecisionRow(decision),
    enforcement: toEnforcementRow(enforcement),
    ...(enforcement.pending && { pending_approval: { fingerprint, skill_name, requested_tier } }),
  };
}
