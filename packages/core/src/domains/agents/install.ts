// What `agents.install` checks of a manifest before anything is stored.
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '@car-runtime/engine';
import { agentId, fail, type AgentManifest } from '@car-runtime/protocol';
import { version } from '../../version.ts';
import { accepts } from './version-requirement.ts';

export type SignatureState = 'valid' | 'invalid' | 'unknown_key' | 'unsigned';

export interface MissingFeature {
  namespace: string;
  feature: string;
}

const formatVersion = 1;

/** What this daemon offers to agents, by namespace (Agents, agents.install). */
const advertised: Readonly<Record<string, readonly string[]>> = {
  inference: ['text-generation', 'embedding', 'classification', 'tool-use'],
  storage: ['persistent-kv', 'persistent-journal', 'persistent-graph', 'temporary'],
  a2ui: ['render_report.subscribe', 'render_report.emit', 'patch_components.emit', 'surface_subscribe'],
  a2a: ['message_send', 'task_subscribe'],
};

/** Throws what the publisher or the user has to change; answers the optional features that are missing. */
export function checkManifest({ agent, runtime, transport, capabilities }: AgentManifest): MissingFeature[] {
  const refuse = (why: string, reason: string): never => {
    throw fail('failed', `Cannot install "${agent.id}": ${why}`, { data: { reason } });
  };
  const format = runtime?.bundle_format_version ?? formatVersion;
  if (format !== formatVersion)
    refuse(`runtime.bundle_format_version is ${format}, and this daemon reads ${formatVersion}`, 'bundle_format');
  const minimum = runtime?.car_min_version ?? undefined;
  const isAccepted = minimum === undefined || accepts(minimum, version);
  if (isAccepted === undefined)
    refuse(`runtime.car_min_version ${JSON.stringify(minimum)} is no version requirement`, 'car_min_version');
  if (!isAccepted)
    refuse(`it needs car ${minimum} (runtime.car_min_version), and this is ${version}`, 'car_min_version');
  const { command, interpreter, binary_url, health_url } = transport;
  if (command != null && interpreter != null)
    refuse('transport.command and transport.interpreter exclude each other', 'transport');
  if (binary_url != null && health_url != null)
    refuse('transport.binary_url and transport.health_url exclude each other', 'transport');
  if (transport.kind === 'external_process' && command == null && interpreter == null && health_url == null)
    refuse(
      binary_url == null
        ? 'transport names neither a command, nor an interpreter, nor a health_url'
        : 'programs are not downloaded; name the program of transport.binary_url as transport.command',
      'transport',
    );
  const [missing] = missingOf(capabilities?.required);
  if (missing)
    refuse(`it requires ${missing.namespace} ${missing.feature}, which this daemon does not offer`, 'capability');
  return missingOf(capabilities?.optional);
}

function missingOf(features: Record<string, string[]> | null | undefined): MissingFeature[] {
  return Object.entries(features ?? {}).flatMap(([namespace, names]) =>
    names
      .filter((feature) => !(Object.hasOwn(advertised, namespace) && advertised[namespace]?.includes(feature)))
      .map((feature) => ({ namespace, feature })),
  );
}

/** Checks the publisher's signature with the key that the operator put into `publishers/<key_id>.pem`. Signed is the
 *  canonical JSON of the manifest with an empty signature. */
export function checkSignature(manifest: AgentManifest, publishersFolder: string): SignatureState {
  const { publisher } = manifest;
  if (!publisher || publisher.signature === '') return 'unsigned';
  if (!agentId().safeParse(publisher.key_id).success) return 'unknown_key';
  let pem: string;
  try {
    pem = readFileSync(join(publishersFolder, `${publisher.key_id}.pem`), 'utf8');
  } catch {
    return 'unknown_key';
  }
  const signed = canonicalJson({ ...manifest, publisher: { ...publisher, signature: '' } });
  try {
    const key = createPublicKey(pem);
    const isValid =
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, Buffer.from(signed), key, Buffer.from(publisher.signature, 'base64'));
    return isValid ? 'valid' : 'invalid';
  } catch {
    return 'invalid'; // a key file that is none
  }
}
