import { readFileSync } from 'node:fs';
import type { AgentManifest } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { startProgress } from '../progress.ts';
import { paint, printJson, printLine, shown, talk } from '../terminal.ts';
import { report } from './agent-text.ts';

export async function run({ context, args }: CommandInput): Promise<number> {
  const manifest = await readManifest(args[0] ?? '');
  const progress = startProgress('installing');
  await using client = await context.connect();
  const { agent, report: found, signature } = await client.agents.install(manifest);
  progress[Symbol.dispose]();
  if (context.isJson) {
    printJson({ agent, report: found, signature }, { isRaw: true });
    return exitCode.ok;
  }
  for (const { namespace, feature } of found.missingOptional)
    talk(`this daemon does not offer ${shown(namespace)} ${shown(feature)}, which the agent can do without`);
  if (signature !== 'valid') talk(paint('yellow', `signature: ${signature.replace('_', ' ')}`, process.stderr));
  if (agent) return report(agent, false, true);
  printLine(`stored  ${shown(manifest.agent.id)}, which has no process to supervise`);
  return exitCode.ok;
}

/** JSON, or TOML under any other name. What is in it is the daemon's to check. */
async function readManifest(path: string): Promise<AgentManifest> {
  try {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.json')) return JSON.parse(text) as AgentManifest;
    const { parse } = await import('smol-toml');
    // Objects of the parser have no prototype, and its dates are no JSON.
    return JSON.parse(JSON.stringify(parse(text))) as AgentManifest;
  } catch (error) {
    throw new UsageError(`Cannot read manifest ${path}: ${(error as Error).message}`);
  }
}
