// Secrets and how they are compared.
import { randomBytes, timingSafeEqual } from 'node:crypto';

const tokenBytes = 32;

/** 32 random bytes as base64url without padding: 43 characters. */
export function mintToken(): string {
  return randomBytes(tokenBytes).toString('base64url');
}

/** Whether two secrets are equal, in time that does not depend on where they differ. */
export function isSameSecret(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}
