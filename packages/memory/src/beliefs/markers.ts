// Words by which people say what a statement is worth: that it corrects, takes back, tries out, interrupts, restricts.

/** A change is announced. Strong words need little else to make a correction, weak ones need a shared topic. */
export const strongCorrection =
  /\b(?:actually|instead|make (?:that|it)|change (?:that|it|this|the|to)|changed? my mind|no,? wait|wait,? no|scratch that|strike that|on second thou?ghts?|go(?:ing)? back to|revert(?:ing|ed)?|switch(?:ing|ed)? (?:to|over)|correction|i meant|i misspoke|disregard|forget (?:that|what|the)|rather than|change of plans?|swap|overrid\w+|overrul\w+|overrode)\b/i;
export const weakCorrection =
  /\b(?:(?<!\b(?:for|right|until|till|by|just) )now|as of|from now on|going forward|no longer|not any ?more|any ?more|mov(?:ed|ing) (?:to|up|back|it)|reschedul\w+|push(?:ed|ing) (?:to|back|out)|postponed?|brought forward|delayed|extended|updated?|new (?:plan|date|deadline|time|price|budget|owner|target|rate|policy|decision|priority|version)|revised|amended|changed|increas\w+|decreas\w+|reduced|raised|lowered|cut to|cancel\w*|called off|dropped|replaced?|official(?:ly)?|final(?:i[sz]ed|ly)?|confirmed|settled on|decided|deci(?:sion|ding)|agreed on|approved|proceed(?:ing)? with|go(?:ing)? with|went with|opt(?:ed|ing)? for|chose|picked|select(?:ed|ing)?|per (?:the|our)|effective|latest|turns out|reassigned)\b/i;
/** Somebody with a say decided. */
export const decisive =
  /\b(?:official(?:ly)?|final(?:i[sz]ed|ly)?|confirmed|decided|decision|approved|agreed|signed(?: off)?|locked in|settled|per (?:the|our) \w+|mandated?|ordered|directive)\b/i;
/** What was said was not meant to last. */
export const tentative =
  /\b(?:tentativ\w*|draft|drafted|provisional(?:ly)?|preliminary|proposed|proposing|thinking(?: of| about)?|considering|leaning|maybe|perhaps|might|possibly|likely|probably|tbd|tbc|placeholder|rough(?:ly)?|initial(?:ly)?|for now|estimate[ds]?)\b/i;
/** The old is named to say that it is old. */
export const backReference =
  /\b(?:was|were|had been|used to|previous(?:ly)?|original(?:ly)?|initial(?:ly)?|earlier|former(?:ly)?|old|prior|before|no longer|not any ?more|instead of|rather than|incorrect(?:ly)?|wrong(?:ly)?|outdated|obsolete|invalid(?:ated)?|superseded|considered|drop(?:ped)?|cancel\w*|never ?mind|needs? to be (?:recalculated|redone|revised|reviewed)|from)\b/i;
/** The new takes the old back without naming another value. */
export const takesBack =
  /\b(?:cancel\w*|void(?:ed)?|revoked?|rescind\w*|withdr[ae]w\w*|retract\w*|scrapp?\w*|called off|rejected|denied|frozen|freeze|do(?:es)? not|don'?t|no longer|terminated?|suspended?)\b/i;
/** The old is said to hold again, or still. */
export const reaffirmation =
  /\b(?:still|again|keep(?:ing)?|stick(?:ing)? (?:with|to)|remains?|go(?:ing)? back to|revert(?:ing|ed)? to|unchanged|stays?|as planned|reinstat\w+|back in|re-?add\w*)\b/i;
/** The next statement weighs more than the ones before it. */
export const contrast =
  /^\W*(?:but|however|yet|now|actually|instead|in the end|finally|ultimately|after all)\b|\bfinal\b/i;

/** A label in front says that the text is not to be relied on. */
export const selfMarked =
  /^\W{0,3}\[?\s*(?:invalidated|invalid|cancelled|canceled|obsolete|deprecated|superseded|void(?:ed)?|retracted|withdrawn|outdated|expired|archived|rescinded|revoked|do not use)\b\s*(?:[\]:\-–—(]|$)/i;

/** A label in front, and in it who may read on: "[RESTRICTED: … restricted to Finance]". */
export const restriction =
  /^\s*[[(<]\s*(?:restricted|confidential|private|secret|internal only|privileged|sensitive|classified|need[- ]to[- ]know|eyes only)\b([^\])>]*)[\])>]/i;
export const audience =
  /\b(?:restricted|limited|confidential|only (?:for|to|visible to)|for|visible|available|reserved|known) (?:to|for|only to)?\s*([^.;]+)$/i;

export const interruptionBegins =
  /^\W*(?:(?:hold on|hang on|wait|one (?:moment|sec(?:ond)?|minute)|just a (?:moment|sec(?:ond)?|minute)|sorry|pause|pausing|quick (?:detour|aside|interruption|question)|side ?note|brb|interruption|something (?:urgent )?came up|let me pause(?: here)?|switching gears|need to step away|urgent)\s*(?:[-–—:,.!…]|$))/i;
export const interruptionEnds =
  /(?:^|[,.;:!–—-]\s*)\W*(?:ok(?:ay)?,? |so,? |anyway,? |now,? |alright,? |right,? |let'?s (?:get|go) |we(?:'re| are) |i(?:'m| am) )*(?:back (?:to|on|with)|returning to|resum(?:e|ing)|continuing|continue with|where (?:were|was) (?:we|i)|as (?:i|we) (?:was|were) saying|picking (?:this |it )?(?:back )?up)\b/i;

export const explorationBegins =
  /\b(?:(?:just|purely|only|strictly) (?:exploratory|hypothetical|a hypothetical|brainstorming|speculat\w+|thinking out loud|a thought experiment|an exercise|a simulation|a what-if)|(?:let'?s|let us|going to|want to|we(?:'ll| will)) (?:just )?(?:brainstorm|explore|imagine|speculate|play with|role-?play|simulate|pretend)|hypothetically speaking|for the sake of argument|thought experiment|blue[- ]sky|this is (?:a )?(?:hypothetical|exploratory|sandbox|what-if)|not a (?:commitment|decision)|in (?:the|a|this) sandbox)\b/i;
export const explorationEnds =
  /\b(?:that'?s enough|enough (?:of (?:that|this)|brainstorm\w*|explor\w*|speculat\w*|hypothetical\w*)|(?:end|done|finished|over) (?:of|with) (?:the |this |that )?(?:explor\w*|brainstorm\w*|hypothetical\w*|sandbox|simulation|exercise|what-if)|leaving (?:the )?(?:sandbox|hypothetical)|back to (?:reality|business|real)|real commitments?|for real now|(?:let'?s|let us) (?:get serious|get real|be serious)|no more hypotheticals)\b/i;

/** A scope under which nothing is a fact of the world. */
export const unrealScope =
  /^(?:hypothetical|draft|scratch|sandbox|exploration|exploratory|brainstorm\w*|simulation|what-if|test)\b/i;
