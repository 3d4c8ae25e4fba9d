// Who is answered what, for every method: derived from the declarations, and what tests and documents go by.
import type { DomainContract, MethodDeclaration, Ownership } from './declare.ts';

/** `agent` is the one that the object of the call belongs to, where it belongs to one. */
export const callers = ['unauthenticated', 'agent', 'other agent', 'client', 'host'] as const;
export type Caller = (typeof callers)[number];

/** `answered` by the handler, or refused: before it with `auth_required` or `forbidden`, or by it as `not_owner`. */
export type Answer = 'answered' | 'auth_required' | 'forbidden' | 'not_owner';

export type RoleRow = Readonly<Record<Caller, Answer>>;

const byAccess: Readonly<Record<MethodDeclaration['access'], RoleRow>> = {
  public: row('answered', 'answered', 'answered', 'answered', 'answered'),
  session: row('auth_required', 'answered', 'answered', 'answered', 'answered'),
  client: row('auth_required', 'forbidden', 'forbidden', 'answered', 'answered'),
  host: row('auth_required', 'forbidden', 'forbidden', 'forbidden', 'answered'),
};

/** Where the object of the call belongs to an agent or to its connection. */
const byOwnership: Readonly<Record<Ownership, RoleRow>> = {
  runReader: row('auth_required', 'answered', 'forbidden', 'forbidden', 'answered'),
  runWriter: row('auth_required', 'answered', 'not_owner', 'not_owner', 'not_owner'),
  runEnder: row('auth_required', 'answered', 'not_owner', 'answered', 'answered'),
  registrant: row('auth_required', 'answered', 'not_owner', 'not_owner', 'not_owner'),
  subject: row('auth_required', 'answered', 'forbidden', 'answered', 'answered'),
  // Of a client that is not the one.
  chatHost: row('auth_required', 'forbidden', 'forbidden', 'forbidden', 'answered'),
  decider: row('auth_required', 'forbidden', 'forbidden', 'forbidden', 'answered'),
};

/** What the row does not say of a client. */
export const ownershipNotes: Readonly<Partial<Record<Ownership, string>>> = {
  chatHost: 'a client where it began the chat',
  decider: 'a client where not only hosts decide',
};

function row(unauthenticated: Answer, agent: Answer, other: Answer, client: Answer, host: Answer): RoleRow {
  return { unauthenticated, agent, 'other agent': other, client, host };
}

/** The default is the narrowest: a declaration without a known access is for hosts. */
export function roleRowOf({ access, ownership }: Pick<MethodDeclaration, 'access' | 'ownership'>): RoleRow {
  return ownership ? byOwnership[ownership] : (byAccess[access] ?? byAccess.host);
}

/** Every method in order of its name. */
export function toRoleMatrix(
  contract: DomainContract,
): [method: string, row: RoleRow, declaration: MethodDeclaration][] {
  return Object.entries(contract)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, declaration]) => [name, roleRowOf(declaration), declaration]);
}
