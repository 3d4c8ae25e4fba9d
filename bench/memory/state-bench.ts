// StateBench without a language model: what of an answer could come from the context, and what in it would mislead.
import type { Contestant } from './contestants.ts';

interface Write {
  id: string;
  layer?: string;
  key: string;
  value?: string;
  scope?: string;
  source?: { authority?: string };
  supersedes?: string | null;
  depends_on?: string[];
  is_constraint?: boolean;
  ts?: string;
}

type TimelineEvent =
  | { type: 'conversation_turn'; ts: string; speaker: string; text: string }
  | { type: 'state_write' | 'supersession'; ts: string; writes: (Write & { value: string })[] }
  | {
      type: 'query';
      ts: string;
      prompt: string;
      ground_truth: { must_mention: string[]; must_not_mention: string[] };
    };

export interface Timeline {
  track: string;
  actors?: { user?: { id?: string; role?: string; org?: string } };
  initial_state: {
    identity_role?: Record<string, unknown>;
    persistent_facts?: Write[];
    working_set?: Write[];
    environment?: Record<string, unknown>;
  };
  events: TimelineEvent[];
}

/** One query; a share is absent where the query asks for none. */
export interface StateRow {
  track: string;
  coverage?: number;
  resurrection?: number;
  carryOver?: number;
  chars: number;
}

export function runTimeline(timeline: Timeline, memory: Contestant): StateRow[] {
  const { initial_state: initial, events, actors, track } = timeline;
  const told: string[] = [];
  let count = 0;
  let now = typeof initial.environment?.['now'] === 'string' ? initial.environment['now'] : undefined;
  const toFact = (write: Write, ts: string | undefined, id = `${write.id}-${++count}`) => ({
    id,
    key: write.key,
    value: write.value ?? '',
    scope: write.scope ?? 'global',
    authority: write.source?.authority ?? 'peer',
    isConstraint: write.is_constraint === true,
    dependsOn: write.depends_on ?? [],
    ts,
  });
  const atNow = (): { ts?: string } => (now === undefined ? {} : { ts: now });

  memory.addIdentity(initial.identity_role ?? {});
  told.push(JSON.stringify(initial.identity_role ?? {}));
  for (const [key, value] of Object.entries(initial.environment ?? {})) {
    if (key === 'now') continue;
    const observed = typeof value === 'string' ? value : JSON.stringify(value);
    memory.addEnvironment({ key, value: observed, ...atNow() });
    told.push(observed);
  }
  for (const write of [...(initial.persistent_facts ?? []), ...(initial.working_set ?? [])]) {
    if (write.value === undefined) continue;
    memory.addFact(toFact(write, write.ts, write.id));
    told.push(`${write.key} ${write.value}`);
  }
  const rows: StateRow[] = [];
  for (const event of events) {
    now = event.ts;
    if (event.type === 'conversation_turn') {
      memory.addTurn({ id: `t${++count}`, speaker: event.speaker, text: event.text, ts: now });
      told.push(event.text);
    } else if (event.type === 'query') {
      const pieces = memory.context(event.prompt, { now, ...(actors?.user && { actor: actors.user }) });
      rows.push({ track, ...judge(pieces, event.ground_truth, told) });
    } else {
      for (const write of event.writes) {
        told.push(`${write.key} ${write.value}`);
        if (write.layer === 'environment') memory.addEnvironment({ key: write.key, value: write.value, ts: now });
        else if (write.supersedes) memory.supersede({ ...toFact(write, now), target: write.supersedes });
        else memory.addFact(write.id === 'W-AUTO' ? toFact(write, now) : toFact(write, now, write.id));
      }
    }
  }
  return rows;
}

function judge(
  pieces: ReturnType<Contestant['context']>,
  { must_mention, must_not_mention }: { must_mention: string[]; must_not_mention: string[] },
  told: readonly string[],
): Omit<StateRow, 'track'> {
  const current = pieces.filter((piece) => piece.current);
  const shown = current.map(({ text }) => text).join('\n');
  // What was never told cannot be remembered; what must be said cannot be forbidden.
  const wanted = must_mention.filter((phrase) => told.some((text) => contains(text, phrase)));
  const forbidden = must_not_mention.filter((phrase) => !wanted.some((each) => contains(each, phrase)));
  const stands = (isTurn: boolean): number =>
    Number(
      forbidden.some((phrase) =>
        current.some(({ section, text }) => (section === 'conversation') === isTurn && contains(text, phrase)),
      ),
    );
  return {
    chars: pieces.reduce((sum, { text }) => sum + text.length, 0),
    ...(wanted.length > 0 && {
      coverage: wanted.filter((phrase) => contains(shown, phrase)).length / wanted.length,
    }),
    ...(forbidden.length > 0 && { resurrection: stands(false), carryOver: stands(true) }),
  };
}

function contains(text: string, phrase: string): boolean {
  return folded(text).includes(folded(phrase));
}

function folded(text: string): string {
  return text.toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim();
}
