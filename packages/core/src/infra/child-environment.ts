// What the daemon's children get of its own variables: the one list of what any program needs to run at all, and the one rule
// for what belongs to the daemon alone. What the daemon was started with beside these may be a secret of others.

type Variables = Readonly<Record<string, string | undefined>>;

const basics = new Set(
  (
    'PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TEMP TMP HOSTNAME SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS ' +
    // Windows finds nothing without these.
    'SYSTEMROOT SYSTEMDRIVE COMSPEC PATHEXT APPDATA LOCALAPPDATA USERPROFILE'
  ).split(' '),
);
const basicPrefix = 'LC_';

/** Credentials of the daemon, what carries them, and what ties a process to it. */
const ownNames = /^(?:CAR_(?:AUTH|HOST|AGENT)_.*|OTEL_\w*HEADERS|NODE_(?:CHANNEL_FD|UNIQUE_ID|COMPILE_CACHE))$/i;

/** Whether a variable is the daemon's alone, whoever asks for it. */
export function belongsToDaemon(name: string): boolean {
  return ownNames.test(name);
}

/** Whether no program runs well without it. */
export function isBasic(name: string): boolean {
  const upper = name.toUpperCase();
  return basics.has(upper) || upper.startsWith(basicPrefix);
}

/** Those variables whose name passes; of these, what belongs to the daemon is left out all the same. */
export function inherited(own: Variables, isWanted: (name: string, value: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(own).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !belongsToDaemon(entry[0]) && isWanted(entry[0], entry[1]),
    ),
  );
}

export function basicEnvironment(own: Variables): Record<string, string> {
  return inherited(own, isBasic);
}
