// A supervisor: a small process of its own that the daemon asks before it runs a plan. It allows plans that only read,
// denies those with something in them that cannot be undone, and hands the rest to people.
// Run it beside any daemon (it finds the one of CAR_HOME): node examples/supervisor/supervisor.ts
import { connect, type Client } from '@car-runtime/client';

type Intent = Awaited<ReturnType<Client['supervision']['pending']>>['intents'][number];
type Decision = Parameters<Client['supervision']['decide']>[0]['decision'];

const readOnly = new Set(['read_file', 'list_dir', 'find_files', 'grep_files', 'calculate']);

function judge({ actions }: Intent): Decision {
  const writes = actions.filter(
    ({ action_type: type, tool }) => type === 'state_write' || (type === 'tool_call' && !readOnly.has(tool ?? '')),
  );
  if (writes.length === 0) return { kind: 'allow' };
  const final = writes.find(({ reversibility }) => reversibility === 'irreversible');
  if (final) return { kind: 'deny', reason: `${final.tool ?? final.action_type} cannot be undone` };
  return { kind: 'escalate', reason: `${writes.length} of ${actions.length} actions change something` };
}

await using car = await connect();
// Subscribed before anything is read, so that nothing falls between the two.
const intents = car.events('supervision.intent', { bufferSize: 1_000 });
await car.supervision.subscribe({});
console.log('supervising');

async function decide(intent: Intent): Promise<void> {
  const decision = judge(intent);
  try {
    await car.supervision.decide({ intent_id: intent.id, decision });
    console.log(`${decision.kind} ${intent.proposal_id}`);
  } catch (error) {
    // Somebody else was first, or it took too long: either way the daemon has decided.
    console.log(`too late for ${intent.proposal_id}: ${(error as Error).message}`);
  }
}

// What waited before we came: a supervisor may have died.
for (const intent of (await car.supervision.pending()).intents) await decide(intent);
for await (const intent of intents) await decide(intent);
