import type { HostApproval } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { wholeNumber } from '../runs/run-reader.ts';
import { durationText, printLine, printTable, talk, type Column } from '../terminal.ts';
import { connectHost, isOpen, readApprovals, shortId, standing } from './host-connection.ts';

const defaultLimit = 50;

export async function run({ context, options }: CommandInput): Promise<void> {
  const limit = wholeNumber('--lines', options['lines'], { min: 1 }) ?? defaultLimit;
  const wants = filterOf(options['status']);
  await using client = await connectHost(context);
  const found = (await readApprovals(client)).filter(wants);
  const approvals = found.slice(-limit);
  if (context.isJson) return printLine(safeJson({ approvals, total: found.length }));
  printTable(approvals, columns(Date.now()));
  if (!process.stdout.isTTY) return;
  if (found.length === 0) talk('Nothing waits for you.');
  else if (found.length > approvals.length) talk(`The newest ${approvals.length} of ${found.length}; -n shows more.`);
}

function filterOf(status: string | boolean | undefined): (approval: HostApproval) => boolean {
  if (status === undefined || status === 'waiting') return isOpen;
  if (status === 'ended') return (approval) => !isOpen(approval);
  if (status === 'all') return () => true;
  throw new UsageError(`--status is waiting, ended or all, not ${JSON.stringify(status)}`);
}

function columns(now: number): Column<HostApproval>[] {
  const isTerminal = process.stdout.isTTY;
  return [
    { title: 'APPROVAL', text: (row) => (isTerminal ? shortId(row) : row.id), style: 'bold' },
    {
      title: 'ASKED',
      text: ({ created_at: at }) => (isTerminal ? `${durationText(Math.max(0, now - Date.parse(at)))} ago` : at),
    },
    { title: 'KIND', text: ({ kind = 'request' }) => kind },
    { title: 'AGENT', text: ({ agent_id: agent }) => textOf(agent ?? '-', 16) },
    {
      title: 'STANDING',
      text: standing,
      style: (row) => (isOpen(row) ? 'yellow' : row.outcome === 'approved' ? 'green' : 'dim'),
    },
    { title: 'ACTION', text: ({ action }) => textOf(action) },
  ];
}
