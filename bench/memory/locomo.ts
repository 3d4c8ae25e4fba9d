// LoCoMo without a language model: how much of a question's evidence is among the first results.
import type { Contestant } from './contestants.ts';

export interface Conversation {
  id: string;
  turns: { id: string; speaker: string; text: string; caption?: string; date: string }[];
  qa: { question: string; category: number; evidence: string[] }[];
}

export interface RecallRow {
  category: number;
  at5: number;
  at10: number;
  at20: number;
}

export function runConversation({ turns, qa }: Conversation, memory: Contestant): RecallRow[] {
  for (const { id, speaker: key, text, caption, date: ts } of turns) {
    const value = caption === undefined ? text : `${text} [shares ${caption}]`;
    memory.addFact({ id, key, value, scope: 'global', authority: 'user', isConstraint: false, dependsOn: [], ts });
  }
  return qa.map(({ question, category, evidence }) => {
    const found = memory.query(question, 20).map(({ id }) => id);
    const recall = (k: number): number =>
      evidence.filter((id) => found.slice(0, k).includes(id)).length / evidence.length;
    return { category, at5: recall(5), at10: recall(10), at20: recall(20) };
  });
}
