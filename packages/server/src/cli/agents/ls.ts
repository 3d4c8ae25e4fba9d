import type { CommandInput } from '../command-spec.ts';
import { bytesText, printLine, printTable, talk, type Column } from '../terminal.ts';
import { safeJson } from '../plan/plan-text.ts';
import { startProgress } from '../progress.ts';
import { commandName } from '../../command-name.ts';
import { isSupervised, statusStyle, whyText, type ListedAgent } from './agent-text.ts';

const wideColumns = 100;

export async function run({ context }: CommandInput): Promise<void> {
  const progress = startProgress('asking the daemon');
  await using client = await context.connect();
  const agents = await client.agents.list();
  progress[Symbol.dispose]();
  if (context.isJson) return printLine(safeJson({ agents }));
  if (agents.length === 0 && process.stdout.isTTY)
    return talk(`There are no agents yet: ${commandName('car')} agents new NAME makes one`);
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : Infinity;
  printTable(
    agents.toSorted((left, right) => (left.id < right.id ? -1 : 1)),
    columnsFor(width >= wideColumns),
  );
}

function columnsFor(isWide: boolean): Column<ListedAgent>[] {
  const of = (text: (agent: Extract<ListedAgent, { status: string }>) => string) => (agent: ListedAgent) =>
    isSupervised(agent) ? text(agent) : '-';
  const used = (text: (resources: { cpu_percent: number; rss_bytes: number }) => string) =>
    of(({ resources }) => (resources ? text(resources) : '-'));
  const wide: Column<ListedAgent>[] = [
    { title: 'PID', text: of(({ pid }) => String(pid ?? '-')) },
    { title: 'CPU', text: used(({ cpu_percent }) => `${cpu_percent.toFixed(1)} %`) },
    { title: 'MEMORY', text: used(({ rss_bytes }) => bytesText(rss_bytes)) },
    { title: 'RESTARTS', text: of(({ restart_count }) => String(restart_count)) },
  ];
  return [
    { title: 'AGENT', text: ({ id }) => id, style: 'bold' },
    { title: 'STATUS', text: statusText, style: statusStyle },
    { title: 'ATTACHED', text: of(({ attached }) => (attached ? 'yes' : 'no')) },
    ...(isWide ? wide : []),
    { title: 'SINCE', text: of(whyText) },
  ];
}

function statusText(agent: ListedAgent): string {
  if (isSupervised(agent)) return agent.status;
  return agent.enabled ? 'enabled' : 'disabled';
}
