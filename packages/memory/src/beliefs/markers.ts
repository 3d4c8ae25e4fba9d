// Words by which people say what a statement is worth: that it corrects, takes back, tries out, interrupts, restricts.
// They are the language's own ways to say so, not those of any collection of texts: a word belongs here when a speaker of
// English would take it for such a mark wherever it stands.

/** Any of several patterns as whole words, whatever their case. */
function phrases(...patterns: string[]): RegExp {
  return new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${patterns.join('|')})(?![\p{L}\p{N}])`, 'iu');
}

const it = '(?:it|that|this|them|those|these|the|my|our)';

/** A change is announced. Strong words need little else to make a correction, weak ones need a shared topic. */
export const strongCorrection = phrases(
  'actually|instead|in (?:its|their) (?:place|stead)|rather than|on (?:second thoughts?|(?:further )?reflection)',
  'come to think of it|now that i think (?:of|about) it|thinking (?:about it|again|it over)|(?:had|having) a rethink|rethought|reconsidered',
  `(?:make|put) (?:that|it)|set ${it}(?: down)? (?:to|at)|(?:change|alter|adjust|amend|modify|replace|swap|switch|edit|correct|fix|undo|reverse|override|redirect|reschedule) ${it}`,
  "(?:changed?|changing) (?:my|our|his|her|their) minds?|change of (?:plans?|heart|mind)|plans? (?:have|has) (?:changed|shifted)|there(?:'s| is| has been|'s been) a change",
  'rather(?=,)|denied|rejected|i disagree|no,? wait|wait,? no|scratch that|strike that|(?:sorry|oops|whoops|hmm|no)[,:—–-] (?:i|no|it|that|make|set|let)',
  'correction|corrigendum|erratum|errata|amendment|i (?:meant|misspoke|mistyped|misread|misremembered|stand corrected)|my (?:mistake|bad|error|apologies)',
  '(?:got|had|have) (?:it|that|this) wrong|(?:take|took|taking) (?:it|that|this) back|(?:should|ought to) (?:read|say|have (?:been|read|said))|(?:it|that|this|which) should be',
  'go(?:ing)? back to|(?:back|return(?:ing|ed)?|revert(?:ing|ed)?) (?:we go )?to|restor(?:e|ing|ed)|bring(?:ing)? back|switch(?:ing|ed)? (?:to|over)|swap(?:ping|ped)?',
  "disregard|ignore (?:that|what|my)|forget (?:that|what|the|about)|never ?mind|overrid\\w+|overrul\\w+|overrode|veto\\w*|revers(?:ed|ing)|won't stand|(?:don't|do not|won't|cannot|can't) accept (?:that|this|it)",
  "(?:would|'d) rather|(?:would|'d) (?:be )?better(?: off)?|better to|not after all|after all",
  // Said of something that was going to happen.
  "(?:do not|don't|won't|will not|not) (?:go(?:ing)? ahead|proceed\\w*|pursu\\w+|be (?:buying|going|doing))|hold off",
);
export const weakCorrection = phrases(
  '(?<!(?<![\\p{L}])(?:for|right|until|till|by|just) )now|as (?:of|from)|from (?:now|today|tomorrow|this point) on(?:wards?)?|going forward|henceforth|starting (?:today|tomorrow|now|this)|(?:effective|with effect|with immediate effect|immediately)',
  'no longer|(?:not )?any ?more|mov(?:ed|es|ing) (?:to|up|back|it)|reschedul\\w+|push(?:ed|ing) (?:to|back|out)|shift(?:ed|ing|s)|slip(?:ped|ping|s)|postpon\\w+|brought forward|delayed|extended|deferred',
  'updated?|new (?:\\w+ )?(?:plan|date|deadline|time|price|budget|owner|target|rate|policy|decision|priority|version|location|place|address|number|figure|requirement)|revis\\w+|amended|adjusted|altered|modified|corrected|different (?:plan|date|deadline|time|price|budget|place|one)',
  'changed|chang(?:es|ing)|increas\\w+|decreas\\w+|rais(?:ed|ing)|reduc(?:ed|ing)|lowered|cut (?:to|by)|cancel\\w*|call(?:ed|ing) off|dropp(?:ed|ing)|withdr[ae]w\\w*|scrapp\\w+|abandon\\w*|replac(?:ed|ing|es)|reassigned|transferred|reallocated|redeployed',
  'official(?:ly)?|final(?:i[sz]ed|ly)?|definitive(?:ly)?|definite(?:ly)?|confirmed|settled|decided|deci(?:sion|ding)|resolved to|agreed|approved|ratified|endorsed|sign(?:ed|ing|s)? off|locked|set in stone|fixed (?:at|to)|plan of record|landed on|green-?li(?:t|ghted)',
  "proceed(?:ing)? with|go(?:ing)? (?:ahead )?with|go(?:ing)? for|went (?:ahead )?(?:with|for)|opt(?:ed|ing)? for|chose|chosen|picked|select(?:ed|ing)?|settl(?:ed|ing) (?:on|for)|let's (?:use|try|take|do|say|stick)|stick(?:ing)? (?:with|to)|how about",
  "per (?:the|our)|by order of|mandat(?:ed|es)|ordered|instructed|(?:has|have) (?:instructed|ordered|directed|ruled|decreed)|wants? us to|according to|latest|turns out|it (?:is|'s) (?:really|in fact)|in fact|in reality",
);
/** Somebody with a say decided. */
export const decisive = phrases(
  'official(?:ly)?|final(?:i[sz]ed|ly)?|definitive(?:ly)?|definite(?:ly)?|confirmed|decided|decision|approved|agreed|ratified|endorsed|binding|signed?(?: |-)?off|signed',
  'locked(?: in| at)?|set in stone|fixed (?:at|to)|settled|plan of record|landed on|green-?li(?:t|ghted)',
  'per (?:the|our) \\w+|by order of|mandated?|ordered|instructed|directed|ruled|decreed|directive',
);
/** What was said was not meant to last. */
export const tentative = phrases(
  'tentativ\\w*|draft(?:ed|ing)?|provisional(?:ly)?|prelim(?:inary|inarily)?|propos(?:ed|al|ing)|suggest(?:ed|ing|ion)|thinking(?: of| about)?|consider(?:ing|ed)|weighing|contemplating|lean(?:ing|s|ed)?',
  'maybe|perhaps|might|may(?: well)? (?:be|go|use|do)|possib(?:ly|le|ility)|likely|probabl[ye]|presumabl[ye]|tbd|tbc|tba|wip|work in progress|to be (?:confirmed|decided|determined|agreed)',
  'placeholder|rough(?:ly)?|ballpark|back of the envelope|first[- ](?:cut|pass|guess|draft)|initial(?:ly)?|for (?:now|the time being|the moment)|interim|estimate[ds]?|guess(?:timate)?',
  'working (?:assumption|figure|number|title|plan|date|draft|hypothesis|estimate|budget|price|name)|unconfirmed|unsettled|undecided|not (?:yet )?(?:final|fixed|firm|settled|decided|confirmed|set in stone)|subject to (?:change|approval|confirmation|review)|pending|under (?:discussion|review|consideration)|pencill?ed(?: in)?|up in the air|in principle',
);
/** The old is named to say that it is old. */
export const backReference = phrases(
  'was|were|had|had been|used to|previous(?:ly)?|original(?:ly)?|initial(?:ly)?|earlier|former(?:ly)?|old|prior|before|until (?:now|then|recently)|at first|so far|no longer|(?:not )?any ?more',
  'instead of|in place of|rather than|as opposed to|incorrect(?:ly)?|wrong(?:ly|ful)?|mistaken(?:ly)?|by mistake|(?:a|the|our|my) (?:mistake|error)|in error|erroneous(?:ly)?|faulty|flawed|inaccurate|untrue|false|bad (?:data|input|figures?|numbers?)',
  'outdated|out of date|obsolete|stale|invalid(?:ated)?|superseded|void(?:ed)?|nullified|replaced|considered|assumed|supposed|believed|thought|expected|mis(?:read|stated|applied|calculated|reported|quoted|understood|entered|taken)',
  "drop(?:ped)?|cancel\\w*|withdrawn|revoked|taken back|abandoned|never ?mind|should(?:n't| not| never) have",
  "(?:needs? to|must|has to|have to|should) be (?:re[a-z]+|worked out (?:again|anew|afresh)|computed (?:again|anew|afresh)|done (?:again|over)|checked|discarded)|(?:can't|cannot|not to) be (?:trusted|relied (?:up)?on|used)",
  'from',
);
/** The new takes the old back without naming another value. */
export const takesBack = phrases(
  'cancel\\w*|void(?:ed)?|null(?:ified| and void)|annul\\w*|repeal\\w*|revoked?|rescind\\w*|withdr[ae]w\\w*|retract\\w*|revers(?:ed|al)|scrapp?\\w*|abandon\\w*|(?:tak(?:en|e|ing)|took) back|call(?:ed|ing)? off',
  "rejected|denied|declined|refused|disallowed|vetoed|frozen|freeze|halt(?:ed)?|stopp(?:ed|ing)|discontinued|(?:do|does|did|will|is|are|should)(?:n't| not)|won't|not (?:valid|true|correct|offered|applicable)|no longer|terminated?|suspended?|off the table",
);
/** The old is said to hold again, or still. */
export const reaffirmation = phrases(
  'still|again|bring(?:ing)? back|keep(?:s|ing)?|stick(?:ing)? (?:with|to)|remains?|(?:go(?:ing)?|back we go|went|move|moving|return(?:ing|ed)?) (?:back )?to|revert(?:ing|ed)? to|restor(?:e|ing|ed)|undo(?:ing)?',
  'unchanged|stays?|stands?|holds|as (?:planned|before|agreed)|reinstat\\w+|back in|back on|re-?add\\w*|leave .{1,40} (?:alone|as (?:it )?is)',
);
/** The next statement weighs more than the ones before it. */
export const contrast =
  /^\W*(?:but|however|yet|now|actually|instead|in the end|finally|ultimately|after all|eventually|at last|as it turns out|in fact)\b|\bfinal\b/i;

const worthless = [
  "invalid(?:ated)?|not valid|no longer (?:valid|true|correct|current|applicable|applies|holds|in (?:force|effect|use))|(?:does not|doesn't) (?:hold|apply|stand)(?: any ?more)?|not (?:true|correct|current|applicable|in force)(?: any ?more)?",
  'cancell?ed|called off|obsolete|deprecated|superseded|replaced|void(?:ed)?|null(?:ified| and void)?|annulled|retracted|withdrawn|repealed|overturned|reversed|struck(?: out)?|abandoned|discarded|scrapped|dropped|outdated|out of date|stale|expired|lapsed|archived|rescinded|revoked|wrong|incorrect|erroneous|mistaken|disproved|refuted|debunked',
  "(?:do not|don't|not to be) (?:use|rely|trust|used?|relied|trusted|follow|apply)(?: on| upon)?|ignore|disregard",
].join('|');
/** A label in front says that the text is not to be relied on. */
export const selfMarked = new RegExp(
  String.raw`^\W{0,3}(?:\[\s*(?:(?:now|already|this|is|was|has been|marked|status) ?:?)*\s*)?(?:${worthless})\b\s*(?:[\]:\-–—(,;]|$)|^\W{0,3}\[\s*(?:${worthless})\b`,
  'i',
);

const confidential = [
  '(?:strictly |highly |access |top )?(?:restricted|confidential|private|secret|privileged|sensitive|classified|proprietary|embargoed|non-?public)',
  'internal(?: use)?(?: only)?|need[- ]to[- ]know|eyes only|off the record|under nda|not public',
  '(?:limited|restricted|controlled) (?:access|distribution|circulation|audience|release)|access ?(?:is )?(?:limited|only|list|level)?',
  "not for (?:\\w+ )?(?:release|distribution|circulation|sharing|disclosure|publication)|(?:do not|don't) (?:share|distribute|forward|circulate|disclose|publish|repeat)|for [^\\])>:]{1,60} only",
].join('|');
/** A label in front, and in it who may read on: "[RESTRICTED: … restricted to Finance]". */
export const restriction = new RegExp(String.raw`^\s*[[(<]\s*(?:${confidential})\b([^\])>]*)[\])>]`, 'i');
/** Readers named in a label: "restricted to …", "only for …", "for the eyes of …", "… only". */
export const audience = new RegExp(
  String.raw`\b(?:restricted|limited|confined|confidential|reserved|only|solely|exclusively|meant|intended|cleared|visible|available|accessible|shared|disclosed|known|open|access(?: is| for)?|readers?|audience|for)\b` +
    String.raw`(?: (?:only|just|solely|exclusively|visible|known|shared|available))?(?: (?:to|for|with|by|within|among))?(?: (?:the )?eyes of)?:?\s+([^.;]+)$`,
  'i',
);

const aMoment = '(?:an?|one|just a|for a|half a) (?:moment|sec(?:ond)?|minute|mo|tick|bit)';
/** At the beginning of a turn: what follows is about something else for a while. */
export const interruptionBegins = new RegExp(
  String.raw`^\W*(?:(?:ok(?:ay)?|oh|um|uh|hey|so|sorry|pardon|apologies|wait),? )*(?:` +
    String.raw`(?:hold (?:on|that thought|up)|hang on|wait|${aMoment}|sorry|pause|pausing|excuse me|pardon me|brb|interruption|urgent|emergency|stop(?: right)? there|side ?note|unrelated(?:ly)?|off[- ]topic|different (?:topic|subject|matter)|separate(?:ly| matter| topic)|on (?:another|a different|a separate) (?:note|topic|matter))(?: (?:please|there|everyone|all|for ${aMoment}|${aMoment}|on that|a (?:moment|sec(?:ond)?|minute)))*` +
    String.raw`|(?:quick|short|brief) (?:detour|aside|interruption|question|break|pause|tangent)` +
    String.raw`|(?:sorry|hate|pardon|excuse me|apologies)(?: to| for| me for)* (?:interrupt\w*|butt\w* in|break\w* in|cut\w* in|jump\w* in)` +
    String.raw`|something (?:urgent |else )?(?:just )?(?:came|has come|came) (?:up|in)` +
    String.raw`|(?:let me|let's|let us|i(?:'ll| will)|we(?:'ll| will)|can we|i|we)?,? ?(?:need|have|had|got|must)?(?: to)? ?(?:pause|interrupt|stop (?:you|us|here|there)|break off|step (?:away|out)|park (?:this|that)|set (?:this|that|it) aside|put (?:this|that|it) on hold|take (?:a|this) call|switch (?:gears|topics?))(?: (?:this|that|it|us|you|here|there|for ${aMoment}|for now|on hold))*` +
    String.raw`|before (?:we|i|you) (?:continue|go on|proceed|carry on|go (?:any )?further|move on|finish)` +
    String.raw`|switching (?:gears|topics?)` +
    String.raw`)\s*(?:[-–—:,.!…]|$)`,
  'i',
);
/** Only looked for after one has begun. */
export const interruptionEnds = new RegExp(
  String.raw`(?:^|[,.;:!–—-]\s*)\W*(?:(?:ok(?:ay)?|so|anyway|anyhow|now|alright|all right|right|well|good|great|and|then),? |let'?s |let us |let me |we(?:'re| are|'ll| will| can)? |i(?:'m| am|'ll| will)? |get(?:ting)? |go(?:ing)? |com(?:e|ing) |mov(?:e|ing) |head(?:ing)? |jump(?:ing)? |circl(?:e|ing) |switch(?:ing)? |can |to )*` +
    String.raw`(?:back (?:to|on|with|at)|return(?:ing)? to|resum(?:e|ing|ed)|continu(?:e|ing)(?: with)?|carry(?:ing)? on|proceed(?:ing)? with|pick(?:ing)? (?:this |it |that |things |up )*(?:back |again |up )*(?:with|where|from|again|up)|where (?:were|was|did) (?:we|i)|where (?:we|i) (?:left off|were|stopped|had got)|as (?:i|we) (?:was|were) (?:saying|discussing))\b`,
  'i',
);

const unreal =
  'exploratory|exploration|hypothetical(?:ly)?|a hypothetical|brainstorm\\w*|speculat\\w+|spitball\\w*|thinking (?:out loud|aloud)|a thought experiment|an exercise|a simulation|a what-if|theoretical|a sketch|playing (?:around )?with ideas';
export const explorationBegins = phrases(
  `(?:just|purely|only|strictly|merely|simply|entirely) (?:an? )?(?:${unreal})`,
  "(?:let'?s|let us|let me|going to|want to|i(?:'ll| will|'d like to)|we(?:'ll| will| could| can)|time to) (?:just |all |briefly )?(?:brainstorm|explore|imagine|speculate|spitball|play (?:with|around)|toy with|role-?play|simulate|pretend|daydream|dream|riff|think (?:out loud|aloud)|war-?game|what-if|kick around|bounce|float|throw (?:out|around)|run through (?:a|some) (?:what-ifs?|scenarios?)|try (?:out )?(?:a|some) (?:what-ifs?|scenarios?|ideas?))",
  "hypothetically(?: speaking)?|for (?:the sake of argument|argument'?s sake)|thought experiment|blue[- ]sky|what if we|suppose (?:we|that|for a moment|i)|imagine (?:we|that|if)|(?:let'?s )?(?:assume|say) for (?:a moment|the sake)",
  `this is (?:all |just |only |purely )*(?:a |an )?(?:${unreal}|sandbox|what-if|draft exercise)|not (?:a |yet a |an )?(?:commitment|decision|promise|plan of record)|(?:in|into|inside) (?:the|a|this|our) sandbox`,
  '(?:nothing|none) (?:here|of (?:this|that|it|these|what (?:we|i|you) say)|we say|said here)?,? ?(?:(?:is|will be|counts?|gets?|has been|should be) )+(?:as )?(?:a |an |yet |final|fixed|firm|real|decided|settled|binding|agreed|decision|commitment|official|set in stone|on record)+',
  "(?:do not|don't) (?:treat|take|read|count|hold|record|consider) (?:any of |all |me to )?(?:it|this|that|these|them|what i say)(?: \\w+){0,3} (?:as|for|to)|no (?:commitments?|decisions?|strings attached)|just to see (?:where|what|how)",
);
/** Only looked for after one has begun. */
export const explorationEnds = phrases(
  "enough(?: of)?|(?:end|done|finished|through|over) (?:of|with)|(?:is|are|was) (?:over|done|finished|complete)|(?:wrap(?:ping)?|clos(?:e|ing)|finish(?:ing)?) (?:up|off|out)|wrap(?:ping)? (?:this|that|it|things) up|that (?:concludes|was (?:fun|it|all|the))|(?:that'?s|that is) (?:it|all) for",
  '(?:put(?:ting)?|set(?:ting)?|leav(?:e|ing)|lay(?:ing)?|mov(?:e|ing)) [^.!?]{1,80} (?:aside|behind|there|at that|on)|leaving (?:the |this |that )?(?:sandbox|hypothetical\\w*)|stop(?:ping)? (?:the |this |our )?(?:brainstorm\\w*|speculat\\w+|explor\\w+|dream\\w+|hypothe\\w+|spitball\\w*)|no more (?:hypotheticals|what-ifs|speculation|brainstorming)',
  "back to (?:reality|business|real|work|earth|the real|what)|(?:mov(?:e|ing)|turn(?:ing)?|get(?:ting)?|com(?:e|ing)|on) (?:on |back |now )*to (?:what(?:'s| is| we)|our|the|actual|real|concrete|firm)",
  "(?:real|actual|firm|binding|concrete) (?:commitments?|plans?|decisions?|business|work|things|stuff)|for real|in earnest|(?:let'?s|let us|time to) (?:get|be) (?:serious|real|concrete)|(?:actually|really) (?:decided|agreed|committed|planned|happening|doing)|what(?:'s| is| are| did| do| have|'ve)? (?:we |you )?(?:have |'ve )?(?:actually|really|firmly)",
);

/** A scope under which nothing is a fact of the world. */
export const unrealScope =
  /^(?:hypothetical|draft|drafts|scratch|sandbox|exploration|exploratory|brainstorm\w*|simulation|what-if|whatif|test|tests|trial|experiment\w*|imaginary|speculat\w+|scenario|demo|example)\b/i;
