/** What the name of a tool and the keys of its parameters say. Both are read by segment, so `format_date` is no `format`. */
import type { Reversibility } from '../proposal.ts';
import { isMixedScript, toPlainText } from './plain-text.ts';
import {
  aboutSecrets,
  harmlessAfterLeading,
  harmlessTokens,
  leadingWords,
  noCommandLine,
  reportNouns,
  secretKeys,
  secretNouns,
  shellPairs,
  shellWords,
  toolPairs,
  toolWords,
  wholeNames,
  type Meaning,
  type Tier,
} from './tier-tables.ts';
import { higherTier, worseReversibility } from './tier-order.ts';

export interface NameMeaning {
  readonly tier: Tier;
  /** Undefined when no segment is known. */
  readonly reversibility: Reversibility | undefined;
  /** Its text parameters are command lines. */
  readonly isShell: boolean;
  /** What was found, for a person. */
  readonly found: readonly string[];
}

/** More of a name says nothing new, and the pairs of very long ones are many. */
const maxSegments = 64;

/** Names may be split at humps or not at all: the worse reading counts, so no spelling of a word hides it. */
export function readToolName(name: string): NameMeaning {
  const plain = toPlainText(name);
  const readings = [plain.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2'), plain].map((text) => readParts(text.toLowerCase()));
  const [humped, flat] = readings as [NameMeaning, NameMeaning];
  const unreadable = isMixedScript(plain) || plain.length > 1_000;
  const found = [...new Set([...humped.found, ...flat.found, ...(unreadable ? ['a name in mixed scripts'] : [])])];
  return {
    tier: unreadable ? 'full_access' : worstKnown(humped, flat),
    reversibility: worseReversibility(humped.reversibility, flat.reversibility),
    isShell: humped.isShell || flat.isShell,
    found,
  };
}

/** A reading that knows nothing must not raise one that does; it may be the reading that took no word apart. */
function worstKnown(humped: NameMeaning, flat: NameMeaning): Tier {
  if (flat.reversibility === undefined && flat.tier !== 'full_access') return humped.tier;
  if (humped.reversibility === undefined && humped.tier !== 'full_access') return flat.tier;
  return higherTier(humped.tier, flat.tier);
}

function readParts(name: string): NameMeaning {
  const parts = name.split(/[./:]+/).map((part) => (part.match(/[a-z]+/g) ?? []).slice(0, maxSegments));
  const segments = parts.flat().slice(0, maxSegments);
  const meanings: Meaning[] = [];
  const found: string[] = [];
  const note = (what: string, meaning: Meaning | undefined): void => {
    if (meaning === undefined) return;
    meanings.push(meaning);
    if (meaning.tier === 'full_access') found.push(what);
  };
  const isReport = isReader(segments[0]) && reportNouns.has(segments.at(-1) ?? '');
  const [only] = segments;
  if (segments.length === 1 && only !== undefined) note(only, wholeNames.get(only));
  for (const segment of segments) {
    const meaning = toolWords.get(segment);
    if (!isReport || meaning?.tier !== 'full_access') note(segment, meaning);
  }
  for (const part of parts) note(...leading(part));
  for (const [firsts, seconds, meaning] of toolPairs) {
    if (hasPair(segments, firsts, seconds)) note(`${firsts[0]} ${seconds[0]}`, meaning);
  }
  const secret = secretNouns.find((noun) => hasSecret(segments, noun));
  if (secret) found.push(secret.join(' '));
  const isShell =
    segments.some((segment, at) => shellWords.has(segment) && !noCommandLine.has(segments[at + 1] ?? '')) ||
    shellPairs.some(([firsts, seconds]) => hasPair(segments, firsts, seconds));
  // Only verbs say what can be undone: reading a secret changes nothing.
  const reversibility = meanings
    .map((meaning) => meaning.reversibility)
    .reduce<Reversibility | undefined>(worseReversibility, undefined);
  const verbTier = meanings.length === 0 ? 'sandbox_edit' : meanings.map(({ tier }) => tier).reduce(higherTier);
  return { tier: secret ? 'full_access' : verbTier, reversibility, isShell, found };
}

function isReader(segment: string | undefined): boolean {
  return segment !== undefined && toolWords.get(segment)?.tier === 'read_only';
}

/** The first word of a name, behind the prefix of a connector (`mcp_<slug>_…`). */
function leading(part: readonly string[]): [string, Meaning | undefined] {
  const at = part[0] === 'mcp' ? 2 : 0;
  const first = part[at] ?? '';
  const isHarmless = harmlessAfterLeading.get(first)?.includes(part[at + 1] ?? '') === true;
  return [first, isHarmless ? undefined : leadingWords.get(first)];
}

function hasPair(segments: readonly string[], firsts: readonly string[], seconds: readonly string[]): boolean {
  return segments.some((segment, index) => firsts.includes(segment) && seconds.includes(segments[index + 1] ?? ''));
}

function hasSecret(segments: readonly string[], noun: readonly string[]): boolean {
  return segments.some(
    (_, start) =>
      noun.every((word, offset) => segments[start + offset] === word) &&
      !aboutSecrets.has(segments[start + noun.length] ?? ''),
  );
}

/** Whether a parameter of that key holds a secret. Keys are read from their end: `token_count` holds none. */
export function isSecretKey(key: string): boolean {
  const plain = toPlainText(key);
  const readings = [plain.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2'), plain];
  return readings.some((text) => endsInSecret(text.toLowerCase().match(/[a-z]+/g) ?? []));
}

function endsInSecret(segments: readonly string[]): boolean {
  const joined = segments.join('');
  return secretKeys.some((ending) => {
    if (joined === ending.join('')) return true;
    const start = segments.length - ending.length;
    if (start < 0 || !ending.every((word, offset) => segments[start + offset] === word)) return false;
    return ending[0] !== 'token' || !harmlessTokens.has(segments[start - 1] ?? '');
  });
}
