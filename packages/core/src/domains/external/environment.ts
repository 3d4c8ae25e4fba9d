// The variables of an external agent: the daemon's own, since the agent finds its login and its settings by them, without
// what belongs to the daemon.
import { inherited } from '../../infra/child-environment.ts';

/** Shorter values stand in other variables by accident. */
const minSecretChars = 16;

/** Variables of the daemon, its credentials and what carries them left out, by name and by value. */
export function environmentFor(
  env: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[],
): Record<string, string> {
  const telling = secrets.filter((secret) => secret.length >= minSecretChars);
  return inherited(env, (_name, value) => !telling.some((secret) => value.includes(secret)));
}
