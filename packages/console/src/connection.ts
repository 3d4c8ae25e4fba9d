// The one connection of the page: the typed client over the console's WebSocket, and what is known of its state.
import { connect, type Client, type ConnectionState } from '@car-runtime/client';
import { openWebChannel, type Channel } from '@car-runtime/rpc';
import { tapped } from './frames.ts';
import { openSession, checkSession, socketOptions, type SessionState } from './session.ts';
import { Store } from './store/store.ts';

export interface ConnectionView {
  state: 'starting' | 'no-session' | ConnectionState;
  /** Why there is no session. */
  session?: SessionState;
  attempt?: number;
  serverVersion?: string | undefined;
  /** Connections made so far: a view that asked something of an earlier one asks again. */
  connections: number;
}

export const connection = new Store<ConnectionView>({ state: 'starting', connections: 0 });

let current: Client | undefined;

/** The client, once there is one. */
export function client(): Client {
  if (!current) throw new Error('The console is not connected');
  return current;
}

/** Opens the session and the connection; goes on for as long as the page is open. */
export async function start(): Promise<void> {
  const session = await openSession();
  if (session === 'none' || session === 'used') {
    connection.set({ state: 'no-session', session, connections: 0 });
    return;
  }
  for (;;) {
    try {
      current = await connect({ channel: openChannel, reconnect: { maxDelayMs: 5_000 } });
      break;
    } catch {
      if (await isSessionOver()) return;
      connection.set({ state: 'reconnecting', connections: 0 });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
  publish();
  void follow(current);
}

async function openChannel(): Promise<Channel> {
  const { url, protocols } = socketOptions();
  return tapped(await openWebChannel(url, protocols));
}

async function follow(opened: Client): Promise<void> {
  try {
    for await (const change of opened.connectionChanges()) {
      publish(change.attempt);
      // A daemon that forgot the session refuses every attempt and cannot say so.
      if (change.state === 'reconnecting' && (change.attempt ?? 0) > 1 && (await isSessionOver())) {
        await opened.close();
        return;
      }
    }
  } catch {
    publish();
  }
}

async function isSessionOver(): Promise<boolean> {
  if ((await checkSession()) !== 'none') return false;
  connection.set({ state: 'no-session', session: 'none', connections: 0 });
  return true;
}

function publish(attempt?: number): void {
  if (!current || connection.value.state === 'no-session') return;
  const { state, serverVersion, connections } = current.connection;
  connection.set({ state, serverVersion, connections, ...(attempt !== undefined && { attempt }) });
}
