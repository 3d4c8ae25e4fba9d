// Whether a pack of skills is signed, and by whom: Ed25519 over what its skills say and do.
import { createPublicKey, verify } from 'node:crypto';
import type { SkillInput } from '@car-runtime/memory';

/** What stands before the 32 bytes of an Ed25519 key in DER. */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const keyBytes = 32;

export interface PackManifest {
  readonly public_key: string;
  readonly signature: string;
}

/** Keys as bytes, so that no two spellings of one key are two keys. */
export class Keyring {
  readonly #keys: ReadonlySet<string>;

  /** Keys in base64. One that is none throws: a keyring with a slip in it must not just trust nobody. */
  constructor(keys: readonly string[]) {
    this.#keys = new Set(
      keys.map((key) => {
        const bytes = toKeyBytes(key);
        if (!bytes)
          throw new Error(`Cannot use ${JSON.stringify(key.slice(0, 80))} as a skill signer: it is no Ed25519 key`);
        return bytes.toString('hex');
      }),
    );
  }

  get size(): number {
    return this.#keys.size;
  }

  /** A signature that does not match is none; so is a key that cannot be read. */
  check(
    skills: readonly SkillInput[],
    { public_key, signature }: PackManifest,
  ): { signed: boolean; signerTrusted: boolean } {
    const bytes = toKeyBytes(public_key);
    if (!bytes) return { signed: false, signerTrusted: false };
    const key = createPublicKey({ key: Buffer.concat([derPrefix, bytes]), format: 'der', type: 'spki' });
    const signed = verify(null, Buffer.from(signedText(skills)), key, Buffer.from(signature, 'base64'));
    return { signed, signerTrusted: signed && this.#keys.has(bytes.toString('hex')) };
  }
}

/**
 * What is signed: JSON without blanks, an array for each skill of its name, code, platform, description, when_to_apply,
 * domain, persona, url_pattern, task_keywords and what it supersedes; what is left out is empty.
 */
export function signedText(skills: readonly SkillInput[]): string {
  return JSON.stringify(
    skills.map(
      ({ name, code, platform = '', description = '', whenToApply = '', scope, trigger = {}, supersedes = '' }) => {
        const { persona = '', urlPattern = '', taskKeywords = [] } = trigger;
        const domain = scope === undefined || scope === 'global' ? '' : scope.domain;
        return [name, code, platform, description, whenToApply, domain, persona, urlPattern, taskKeywords, supersedes];
      },
    ),
  );
}

/** Whether a text is a key that packs can be signed with: 32 bytes in base64. */
export function isSkillSigner(key: string): boolean {
  return toKeyBytes(key) !== undefined;
}

function toKeyBytes(key: string): Buffer | undefined {
  // Buffer passes over what is no base64.
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(key)) return undefined;
  const bytes = Buffer.from(key, 'base64');
  return bytes.length === keyBytes ? bytes : undefined;
}
