import type { Client } from '@car-runtime/client';
import type { HostApproval } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { onInterrupt } from '../interrupt.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { warn } from '../plan/with-plan.ts';
import { printLine } from '../terminal.ts';
import { followApprovals, type ApprovalChange } from './approval-feed.ts';
import { ApprovalPrompt } from './approval-prompt.ts';
import { connectHost, standing, wholeLines } from './host-connection.ts';

/** How often the time that is left is drawn anew, in ms. */
const tickMs = 1_000;

export async function run({ context }: CommandInput): Promise<void> {
  using interrupt = onInterrupt();
  await using client = await connectHost(context, { reconnect: true });
  const isInteractive = !context.isJson && process.stdin.isTTY && process.stdout.isTTY;
  if (isInteractive) await watchOnTerminal(client, interrupt.signal);
  else for await (const change of followApprovals(client, interrupt.signal)) printChange(change, context.isJson);
}

async function watchOnTerminal(client: Client, interrupted: AbortSignal): Promise<void> {
  const { stdin, stdout } = process;
  const quit = new AbortController();
  const signal = AbortSignal.any([interrupted, quit.signal]);
  const prompt = new ApprovalPrompt({
    screen: stdout,
    now: () => performance.now(),
    decide: (approval, resolution) => void decide(client, prompt, approval, resolution),
    showWhole: (approval) => void showWhole(client, prompt, approval),
  });
  const onKeys = (keys: string): void => {
    // One at a time: what comes in a bundle was pasted, and decides nothing.
    if (keys.length === 1 && prompt.key(keys) === 'quit') quit.abort();
  };
  stdin.setRawMode(true).setEncoding('utf8').on('data', onKeys);
  const redraw = (): void => prompt.draw();
  stdout.on('resize', redraw);
  const ticking = setInterval(() => prompt.tick(), tickMs);
  try {
    for await (const change of followApprovals(client, signal)) take(prompt, change);
  } finally {
    clearInterval(ticking);
    stdout.off('resize', redraw);
    stdin.off('data', onKeys).setRawMode(false).pause();
  }
}

function take(prompt: ApprovalPrompt, change: ApprovalChange): void {
  switch (change.kind) {
    case 'all':
      prompt.replace(change.approvals);
      break;
    case 'asked':
      prompt.asked(change.approval);
      break;
    case 'ended':
      prompt.ended(change.approval);
      break;
    case 'lost':
      prompt.note(`${change.why}; trying again`);
      break;
    case 'back':
      prompt.note('');
      break;
  }
}

async function showWhole(client: Client, prompt: ApprovalPrompt, approval: HostApproval): Promise<void> {
  try {
    const { action } = await client.host.approval({ approval_id: approval.id });
    prompt.say(wholeLines(action).join('\n'));
  } catch (error) {
    prompt.failed(approval, error instanceof Error ? error.message : String(error));
  }
}

async function decide(
  client: Client,
  prompt: ApprovalPrompt,
  approval: HostApproval,
  resolution: string,
): Promise<void> {
  try {
    const after = await client.host.resolve_approval({ approval_id: approval.id, resolution });
    if (after.status === 'pending') prompt.failed(approval, 'its owner was told and decides itself');
    else prompt.ended(after);
  } catch (error) {
    prompt.failed(approval, error instanceof Error ? error.message : String(error));
  }
}

function printChange(change: ApprovalChange, isJson: boolean): void {
  if (isJson) {
    if (change.kind === 'all')
      for (const approval of change.approvals) printLine(safeJson({ kind: 'waiting', approval }));
    else printLine(safeJson(change));
    return;
  }
  switch (change.kind) {
    case 'all':
      for (const approval of change.approvals) printRow('waiting', approval);
      break;
    case 'asked':
    case 'ended':
      printRow(change.kind === 'asked' ? 'asked' : standing(change.approval), change.approval);
      break;
    case 'lost':
    case 'back':
      warn(change.why);
      break;
  }
}

function printRow(what: string, { id, kind = 'request', agent_id: agent, action }: HostApproval): void {
  printLine([what, id, kind, textOf(agent ?? '-'), textOf(action)].join('\t'));
}
