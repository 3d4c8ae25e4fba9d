import { lstatSync } from 'node:fs';
import { authTokenPath, hostTokenPath } from '@car-runtime/client/node-paths';
import { dirname, join } from 'node:path';
import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { paint, printJson, printLine } from '../terminal.ts';

export async function run({ context, args: [which] }: CommandInput): Promise<void> {
  if (which !== undefined && which !== 'daemon' && which !== 'host')
    throw new UsageError(`Which token is daemon or host, not ${JSON.stringify(which)}`);
  const { tokenFile } = context.globals;
  const paths = {
    daemon: tokenFile ?? authTokenPath(),
    host: tokenFile === undefined ? hostTokenPath() : join(dirname(tokenFile), 'host-token'),
  };
  if (context.isJson) {
    const entries = Object.entries(paths).filter(([name]) => which === undefined || name === which);
    printJson(Object.fromEntries(entries.map(([name, path]) => [name, { path, exists: isThere(path) }])), {
      isRaw: true,
    });
  } else if (which !== undefined) printLine(paths[which]);
  else {
    for (const [name, path] of Object.entries(paths)) {
      printLine(
        process.stdout.isTTY
          ? `${paint('dim', name.padEnd(8))}${path}${isThere(path) ? '' : paint('yellow', '  (missing)')}`
          : path,
      );
    }
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
