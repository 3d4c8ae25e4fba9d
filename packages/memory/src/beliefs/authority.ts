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
const binds = new RegExp(
  String.raw`\b(?:must|shall|ha(?:s|ve) to|ought to|required?|requires|requirements?|demands?|calls? for|stipulat\w+|mandat\w+|oblig\w+|compulsory|needs? (?:\w+ ){0,2}(?:approval|sign-?off|authori[sz]ation|consent|permission|clearance)` +
    String.raw`|without (?:\w+ ){0,3}(?:approval|sign-?off|authori[sz]ation|consent|permission|clearance)|subject to (?:\w+ ){0,3}approval|only|never|not (?:allowed|permitted|acceptable|negotiable)|non-?negotiable|no exceptions?|prohibit\w*|forbid\w*|forbidden|disallow\w*|may not|must not|mustn't|cannot|can't` +
    String.raw`|frozen|freeze|capp?ed|cap|ceiling|threshold|limits?|limited|max(?:imum)?|minimum|at most|at least|no (?:more|less|fewer|later) than|up to|on hold|halt\w*|suspend\w*|banned|ban|cancell?ed|rejected|denied|overrul\w+|veto\w*|decided|official|final)\b`,
  'i',
);
/** The same words begin with a noun what is no order: "discount for …". */
const orders = new RegExp(
  String.raw`^\W*(?:(?:please|just|kindly|then|now|so|ok(?:ay)?|yes|and|also|do|let's|let us|we should|you can|you should|go ahead and|make sure to|be sure to|i want you to|i need you to|you have to|simply|immediately|quickly),? )*` +
    String.raw`(?:approve|process|proceed|go ahead|skip|ignore|waive|bypass|override|grant|allow|let|permit|authori[sz]e|accept|release|pay|refund|reimburse|sign|ship|send|deploy|publish|launch|roll out|merge|push|disable|enable|turn (?:on|off)|give|share|extend|delay|postpone|defer|buy|purchase|order|hire|fire|promote|use|adopt|choose|pick|allocate|assign|set aside|earmark|reserve|free up|fund|spend|transfer|move|offer|propose|quote|prioriti[sz]e|put|focus|concentrate|handle|clear|start|begin|stop|cancel|drop|close|open|cut|raise|lower|increase|reduce|expand|add|remove|delete|build|implement|migrate|switch|replace|keep|make|take|treat|book|schedule|plan|announce|tell|commit|agree)\b(?! (?:not|for|of|is|was|has|are|were|will|must|should|requires?)\b)`,
  'i',
);
/** A wish, a plan or a guess, which an order from above ends. */
const proposes = new RegExp(
  String.raw`\b(?:(?:would|'d|could|might) (?:be|like|love|prefer|rather|suggest|recommend|take|need|go)|should|(?:is|are|seems?|looks?) (?:a |the |much |far )?(?:better|preferable|best|superior)|suits? (?:us|me|the)|makes? (?:more|most) sense|better (?:fit|choice|option)|recommend\w*|suggest\w*|prefer\w*|favou?rs?|advis\w+|advocat\w+|urg(?:e|es|ing)` +
    String.raw`|i (?:think|believe|feel|hope|expect|guess|reckon)|will take|estimat\w+|plan(?:ning|s)? (?:to|on)|going to|wants? to|intend\w*|aim(?:s|ing) to|propos\w+|offering|requests?|asking for|lean(?:s|ing) (?:to|toward)\w*)\b`,
  'i',
);
/** Leave is given, or handed on: that overrules nobody. */
const permits =
  /\b(?:(?:can|may|is free to|is allowed to|are allowed to|is empowered to) (?:approve|decide|sign|grant|make|authori[sz]e|handle|choose|set)|has (?:my|our|full) (?:approval|authority|permission|blessing|backing)|(?:is|are|was|were) authori[sz]ed|authori[sz]es|delegat\w+|up to (?:you|him|her|them)|has authority|on (?:his|her|their) own authority)\b/i;

/** Whether what one orders or proposes is overruled by the rule or the order of somebody above about the same thing. */
export function isOverruled(lower: Statement, higher: Statement): boolean {
  if (authorityRank(higher) <= authorityRank(lower)) return false;
  const [below, above] = [lower.reading.text, higher.reading.text];
  if (permits.test(above) || (!orders.test(below) && !proposes.test(below))) return false;
  return (binds.test(above) || orders.test(above)) && sharedCount(lower.reading.terms, higher.reading.terms) > 0;
}
