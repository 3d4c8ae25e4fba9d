// Whose word outweighs whose.
import { titleRank } from './audience.ts';
import { sharedCount } from './reading.ts';
import { saidBy, type Statement } from './statement.ts';

/** By authority, on the scale of titles: 6 a rule of the house, 5 its head, 1 a peer, 0 somebody from outside. */
const ranks: Readonly<Record<string, number>> = {
  system: 6,
  policy: 6,
  executive: 4,
  director: 3,
  manager: 2,
  user: 1,
  peer: 1,
  subordinate: 0,
  external: 0,
};

const ruleOfTheHouse = /\b(?:policy|system|board|legal|compliance|regulat\w+|law|committee)\b/i;
const fromOutside = /\b(?:contractor|consultant|consulting|vendor|intern|guest|external|freelancer?)\b/i;

/** Who is named in front of a text ranks by title; else its authority counts. Unknown ones, and whoever speaks, are peers. */
export function authorityRank({ node }: Statement): number {
  const label = saidBy(node).label.replace(`${node.key}: `, '');
  if (label !== '') {
    if (ruleOfTheHouse.test(label)) return 6;
    if (fromOutside.test(label)) return 0;
    const rank = titleRank(label);
    if (rank > 1) return rank;
  }
  return node.kind === 'conversation' ? 1 : (ranks[node.authority] ?? 1);
}

/** A rule, a limit, or an order that binds others. */
const binds =
  /\b(?:must|shall|require[sd]?|needs? (?:approval|sign-?off)|only|never|not allowed|prohibited|forbidden|mandatory|may not|cannot|frozen|freeze|capped?|maximum|max(?:imum)?|minimum|limit(?:ed)?|at most|no more than|on hold|suspended|banned)\b/i;
const orders =
  /^\W*(?:please )?(?:approve|process|proceed|go ahead|skip|ignore|waive|bypass|override|grant|allow|release|pay|sign|ship|send|deploy|disable|give|share|extend|delay|buy|purchase|hire|use|allocate|launch|offer|prioriti[sz]e)\b(?! not\b)/i;
/** A wish, a plan or a guess, which an order from above ends. */
const proposes =
  /\b(?:would be better|should|recommend\w*|suggest\w*|prefer\w*|i think|will take|would take|estimat\w+|plan(?:ning|s)? to|going to|wants? to|propos\w+|offering)\b/i;
/** Leave is given, or handed on: that overrules nobody. */
const permits =
  /\b(?:(?:can|may) (?:approve|decide|sign|grant|make)|has my approval|is authori[sz]ed|delegat\w+|up to you|has authority)\b/i;

/** Whether what one orders or proposes is overruled by the rule or the order of somebody above about the same thing. */
export function isOverruled(lower: Statement, higher: Statement): boolean {
  if (authorityRank(higher) <= authorityRank(lower)) return false;
  const [below, above] = [lower.reading.text, higher.reading.text];
  if (permits.test(above) || (!orders.test(below) && !proposes.test(below))) return false;
  return (binds.test(above) || orders.test(above)) && sharedCount(lower.reading.terms, higher.reading.terms) > 0;
}
