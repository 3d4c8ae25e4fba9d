// A context in pieces: what stands in it, where, and whether its own words say that it is current.

export const contextSections = [
  'identity',
  'constraints',
  'skills',
  'facts',
  'outdated',
  'conversation',
  'environment',
  'unknowns',
] as const;
export type ContextSection = (typeof contextSections)[number];

export interface ContextPiece {
  readonly section: ContextSection;
  readonly text: string;
  /** False where the text itself says that it was superseded, is outdated or must not be relied on. */
  readonly isCurrent: boolean;
  /** Ids of the nodes it shows. */
  readonly ids: readonly string[];
  /** Stands on the line of the piece before it. */
  readonly continuesLine?: boolean;
}

const titles: Readonly<Record<ContextSection, string>> = {
  identity: '## Identity',
  constraints: '## Constraints',
  skills: '## Task Skills',
  facts: '## Facts',
  outdated: '## Outdated',
  conversation: '## Conversation',
  environment: '## Environment',
  unknowns: '## Known Unknowns',
};

/** One string; sections in their order, joined by a blank line, empty ones left out. */
export function renderContext(pieces: readonly ContextPiece[]): string {
  return contextSections
    .map((section) =>
      renderSection(
        titles[section],
        pieces.filter((piece) => piece.section === section),
      ),
    )
    .filter((text) => text !== '')
    .join('\n\n');
}

function renderSection(title: string, pieces: readonly ContextPiece[]): string {
  if (pieces.length === 0) return '';
  return pieces.reduce((text, piece) => `${text}${piece.continuesLine ? ' ' : '\n'}${piece.text}`, title);
}
