// What a person reads before deciding. Written by the daemon from the action itself; what an agent said is quoted, on one line
// and without hidden characters, and marked as its words.
import { describeValue, quoteText, visibleText, type HostApproval } from '@car-runtime/protocol';

const maxFields = 20;
const maxValueChars = 300;
/** Of one line: a value of many long values is cut too. */
const maxLineChars = 2_000;
const indent = '  ';

type Shown = Omit<HostApproval, 'card'>;
type Subject = Readonly<Record<string, unknown>> | undefined;

export interface CardSource {
  approval: Shown;
  subject?: Subject;
  /** Made when it was asked, of values that are not kept whole. */
  lines?: readonly string[];
}

export function renderCard({ approval, subject, lines }: CardSource): string {
  return [...headOf(approval, subject, lines), ...whoOf(approval), ...endOf(approval)].join('\n');
}

/** The lines of a card that show these values. */
export function cardLines(shown: readonly unknown[]): string[] {
  return shown.flatMap(fields);
}

function headOf({ kind = 'request', action, details }: Shown, subject: Subject, lines?: readonly string[]): string[] {
  switch (kind) {
    case 'gate':
      return [
        `Call ${visibleText(action.replace(/^ws\.method:/, ''))}`,
        ...(lines ?? cardLines([subject?.['params'], subject?.['facts']])),
        ...changes(subject?.['changed']),
      ];
    case 'request':
      return [
        'Somebody asks you to decide. In their words:',
        `${indent}${quoteText(action, maxValueChars)}`,
        ...fields(details),
      ];
    case 'external':
      return externalAgent(action, details);
    case 'permission':
      return permission(action, details, lines);
    case 'plan':
    case 'budget':
    case 'supervision':
      return [visibleText(action, maxValueChars), ...(lines ?? fields(details))];
  }
}

/** The plan it belongs to is a line of its own: what the action does comes first. */
function permission(action: string, details: Shown['details'], lines?: readonly string[]): string[] {
  const { plan, ...rest } = details ?? {};
  const { actions, source } = (plan ?? {}) as { actions?: number; source?: string };
  const head = [visibleText(action, maxValueChars), ...(lines ?? fields(rest))];
  return plan === undefined
    ? head
    : [...head, `One of the ${actions} actions of a plan from ${quoteText(source ?? '', 80)}`];
}

/** What an external agent says of itself stands apart from what the daemon says of it. */
function externalAgent(action: string, details: Shown['details']): string[] {
  const { in_its_words: words, ...rest } = details ?? {};
  return [visibleText(action, maxValueChars), `In its words: ${describeValue(words, maxValueChars)}`, ...fields(rest)];
}

function whoOf({ kind, agent_id, client_id, options }: Shown): string[] {
  const asker = agent_id == null ? undefined : `agent ${quoteText(agent_id, 100)}`;
  const owner = client_id == null ? undefined : `connection ${visibleText(client_id, 64)}`;
  const who = [asker, owner].filter((part) => part !== undefined).join(', ');
  const lines = who === '' ? [] : [`Asked by ${who}`];
  if (kind === 'request') lines.push(`Answers: ${options.map((option) => quoteText(option, 60)).join(', ')}`);
  return lines;
}

function endOf({ expires_at, outcome, reversibility }: Shown): string[] {
  const lines = reversibility === 'irreversible' ? ['It cannot be undone'] : [];
  return expires_at === undefined || outcome !== undefined
    ? lines
    : [...lines, `Nothing runs on it after ${expires_at}`];
}

/** One line for each member; of very many, the first. */
function fields(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const lines = entries
    .slice(0, maxFields)
    .map(([key, each]) => `${indent}${fieldName(key)}: ${withinLine(describeValue(each, maxValueChars))}`);
  if (entries.length > maxFields) lines.push(`${indent}and ${entries.length - maxFields} more`);
  return lines;
}

/** Behind the cut the daemon speaks, in words that stand outside every quotation. */
function withinLine(text: string): string {
  if (text.length <= maxLineChars) return text;
  return `${text.slice(0, maxLineChars).replace(/[\uD800-\uDBFF]$/, '')}… (cut: ${text.length - maxLineChars} more characters)`;
}

/** What is not as it was when somebody approved it. */
function changes(changed: unknown): string[] {
  return changed === undefined ? [] : ['Approved before, but since then this has changed:', ...fields(changed)];
}

function fieldName(key: string): string {
  return /^[A-Za-z_][\w.-]{0,60}$/.test(key) ? key : quoteText(key, 60);
}
