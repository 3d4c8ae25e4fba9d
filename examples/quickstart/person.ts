// The person whom the daemon asks: a host as any other, with the host token, which agents do not have.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { connect } from '@car-runtime/client';
import type { HostApproval } from '@car-runtime/protocol';
import { dim } from './print.ts';

export interface Person extends AsyncDisposable {
  /** What was asked and decided, once it has been. */
  readonly decided: Promise<HostApproval>;
}

/** Approves the first thing it is asked, and shows what it was asked. */
export async function startPerson(url: string, home: string): Promise<Person> {
  const host = await connect({ url, role: 'host', tokenFile: join(home, 'ai.parslee.car', 'auth-token') });
  const events = host.events('host.event');
  await host.host.subscribe();
  const decide = async (): Promise<HostApproval> => {
    for await (const { kind, payload } of events) {
      if (kind !== 'approval.requested') continue;
      const { id, card = '' } = payload as HostApproval;
      console.log('   a host is shown this card:');
      console.log(dim(card.replaceAll(/^/gm, '   | ')));
      return await host.host.resolve_approval({ approval_id: id, resolution: 'approve' });
    }
    return assert.fail('nothing was asked');
  };
  const decided = decide();
  // Whoever waits for it is told; until then nobody does.
  decided.catch(() => undefined);
  return { decided, [Symbol.asyncDispose]: () => host.close() };
}
