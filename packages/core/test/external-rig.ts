// A daemon with stand-ins for coding agents.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@car-runtime/client';
import type { ServerStateConfig } from '@car-runtime/core';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';

export type Said = { kind: string; session_id: string } & Record<string, unknown>;
export type Ran = { tool: string; args: string[]; input: string; cwd: string; env: Record<string, string> };
type Env = Record<string, string | undefined>;

const pins = { claude: 'CAR_CLAUDE_CODE_BIN', codex: 'CAR_CODEX_BIN', gemini: 'CAR_GEMINI_BIN' };
export type ToolName = keyof typeof pins;
const program = join(import.meta.dirname, 'stand-ins', 'coding-agent.ts');

export class ExternalRig implements AsyncDisposable {
  readonly folder = new TempFolder();
  readonly daemon: TestDaemon;
  readonly logPath = this.folder.join('ran.jsonl');

  constructor({
    tools = ['claude', 'codex', 'gemini'],
    env = {},
    external = {},
  }: {
    tools?: readonly ToolName[];
    env?: Env;
    external?: Partial<NonNullable<ServerStateConfig['externalAgents']>>;
  } = {}) {
    const home = this.folder.join('home');
    mkdirSync(home);
    const pinned = Object.fromEntries(tools.map((tool) => [pins[tool], this.install(tool)]));
    this.daemon = serve({
      config: {
        stateRoot: this.folder.join('state'),
        externalAgents: {
          env: { HOME: home, PATH: '', STAND_IN_LOG: this.logPath, ...pinned, ...env },
          // The machine of a test may be busy with others.
          probeTimeoutMs: 60_000,
          healthTimeoutMs: 60_000,
          ...external,
        },
      },
    });
  }

  /** The path of a program that behaves like this tool. */
  install(tool: ToolName, folder = 'bin'): string {
    const path = this.folder.join(folder, tool);
    mkdirSync(this.folder.join(folder), { recursive: true });
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${program}' ${tool} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** What the stand-ins were given. */
  ran(): Ran[] {
    return linesOf(this.logPath) as Ran[];
  }

  audit(): { adapter_id: string; task: string; options: Record<string, unknown>; result: Record<string, unknown> }[] {
    return linesOf(this.folder.join('state', 'external-agents.jsonl')) as never;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

function linesOf(path: string): unknown[] {
  if (!existsSync(path)) return [];
  // A line without its end is still being written.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** What is said to a client until its chat ends, beginning with the call. */
export async function streamed(
  client: Client,
  params: { id: string; task: string; session_id?: string },
): Promise<Said[]> {
  const stream = client.events('agents.chat.event')[Symbol.asyncIterator]();
  await client.agents.invoke_external({ ...params, stream: true });
  const said: Said[] = [];
  for (;;) {
    const { value } = await stream.next();
    said.push(value as Said);
    if (['done', 'error'].includes((value as Said).kind)) return said;
  }
}
