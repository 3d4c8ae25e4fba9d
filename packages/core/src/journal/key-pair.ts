// The Ed25519 key pair that signs checkpoints: `journal-key` (PKCS #8, mode 0600) and `journal-key.pub` (SPKI), both PEM.
// Whoever keeps a copy of the public half elsewhere can tell whether a journal was shortened or made anew.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const privateName = 'journal-key';
const publicName = 'journal-key.pub';
const groupOrOtherAny = 0o077;

export interface JournalSigner {
  /** First 16 hex digits of the SHA-256 of the public key (SPKI, DER). */
  readonly keyId: string;
  readonly publicKey: KeyObject;
  sign(bytes: Buffer): Buffer;
}

/** Opens the pair in a folder, made on first use. Of two processes that make one at once, both get the same. Throws
 *  when there is a key that others could read. */
export function openSigner(folder: string): JournalSigner {
  const path = join(folder, privateName);
  const pem = readPrivateKey(path) ?? makePrivateKey(folder, path);
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`Cannot sign with ${path}: not an Ed25519 key`);
  const publicKey = createPublicKey(pem);
  writePublicKey(folder, publicKey);
  return { keyId: keyIdOf(publicKey), publicKey, sign: (bytes) => sign(null, bytes, privateKey) };
}

export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

function readPrivateKey(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode } = fstatSync(descriptor);
    if (process.geteuid && mode & groupOrOtherAny)
      throw new Error(`Cannot sign with ${path}: others have access to it (mode ${(mode & 0o777).toString(8)})`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** Written whole under another name, then linked into place, which fails when somebody else's is there already. */
function makePrivateKey(folder: string, path: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const temporary = writeTemporary(folder, privateName, pem, 0o600);
  try {
    linkSync(temporary, path);
    return pem;
  } catch (error) {
    const theirs = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readPrivateKey(path) : undefined;
    if (theirs === undefined) throw error;
    return theirs;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The private half is the authority: a public file that says something else is replaced. */
function writePublicKey(folder: string, publicKey: KeyObject): void {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const path = join(folder, publicName);
  try {
    if (readFileSync(path, 'utf8') === pem) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  renameSync(writeTemporary(folder, publicName, pem, 0o644), path);
}

function writeTemporary(folder: string, name: string, text: string, mode: number): string {
  const path = join(folder, `.${name}.${randomBytes(6).toString('hex')}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const descriptor = openSync(path, flags, mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return path;
}
