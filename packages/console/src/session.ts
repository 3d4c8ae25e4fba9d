// How this page gets in: a ticket from the address becomes a cookie and a value, once. The value lives in sessionStorage,
// so it ends with the tab; together they open the WebSocket on this page's own origin.
const storageKey = 'car.session';
const subprotocol = 'car.console';

export type SessionState = 'open' | 'none' | 'used' | 'unreachable';

/** Takes the ticket out of the address, exchanges it, and says whether there is a session. */
export async function openSession(): Promise<SessionState> {
  const ticket = takeTicket();
  if (ticket === undefined) return await checkSession();
  const answer = await fetch('/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket }),
  }).catch(() => undefined);
  if (!answer) return 'unreachable';
  if (answer.status === 403) return (await checkSession()) === 'open' ? 'open' : 'used';
  if (!answer.ok) return 'unreachable';
  const { value } = (await answer.json()) as { value: string };
  sessionStorage.setItem(storageKey, value);
  return 'open';
}

/** Whether the session this tab has still holds: a WebSocket that is refused does not say why. */
export async function checkSession(): Promise<SessionState> {
  const value = sessionStorage.getItem(storageKey);
  if (value === null) return 'none';
  const answer = await fetch('/session', { headers: { 'car-session': value } }).catch(() => undefined);
  if (!answer?.ok) return 'unreachable';
  const { open } = (await answer.json()) as { open: boolean };
  return open ? 'open' : 'none';
}

export async function closeSession(): Promise<void> {
  // Conversations are kept there too.
  sessionStorage.clear();
  await fetch('/session', { method: 'DELETE' }).catch(() => undefined);
}

/** What a request of this page's own shows besides the cookie. */
export function sessionHeaders(): Record<string, string> {
  return { 'car-session': sessionStorage.getItem(storageKey) ?? '' };
}

/** Address and subprotocols of the console's WebSocket. */
export function socketOptions(): { url: string; protocols: string[] } {
  const value = sessionStorage.getItem(storageKey) ?? '';
  return { url: `ws://${location.host}/ws`, protocols: [subprotocol, `car.session.${value}`] };
}

/** The ticket leaves the address bar and the history before anything else happens. */
function takeTicket(): string | undefined {
  const [, ticket] = /^#ticket=([\w-]+)$/.exec(location.hash) ?? [];
  if (ticket !== undefined) history.replaceState(null, '', '#/');
  return ticket;
}
