// The variables of an external agent: the daemon's own, since the agent finds its login and its settings by them, without
// what belongs to the daemon.

const ownNames = /^(?:CAR_(?:AUTH|HOST|AGENT)_.*|OTEL_\w*HEADERS|NODE_(?:CHANNEL_FD|UNIQUE_ID|COMPILE_CACHE))$/i;
/** Shorter values stand in other variables by accident. */
const minSecretChars = 16;

/** Variables of the daemon, its credentials and what carries them left out, by name and by value. */
export function environmentFor(
  env: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[],
): Record<string, string> {
  const telling = secrets.filter((secret) => secret.length >= minSecretChars);
  const passedOn = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !ownNames.test(entry[0]) && !telling.some((secret) => entry[1]?.includes(secret)),
  );
  return Object.fromEntries(passedOn);
}
