/** English function words: they are in most texts and in most questions, so what they match says nothing. */
const words = `
  a about after again all also am an and any are as at be because been before being but by can cannot could did do does
  doing don during each for from had has have having he her here hers herself him himself his how i if in into is isn it
  its itself just ll me more most my myself no nor not of off on once only or other our ours ourselves out over own re s
  same she should so some such t than that the their theirs them themselves then there these they this those through to
  too under until up ve very was we were what when where which while who whom whose why will with would you your yours
  yourself yourselves d m o im ive youre youve hes shes theyre weve isnt arent wasnt werent dont doesnt didnt wont cant
  couldnt wouldnt shouldnt havent hasnt hadnt thats whats lets theres
`;

export const stopWords: ReadonlySet<string> = new Set(words.split(/\s+/).filter(Boolean));
