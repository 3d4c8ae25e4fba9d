// `car`, the command line.
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const args = process.argv.slice(2);

// Asked by scripts and shells, so it loads nothing.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) console.log(version);
else {
  const { runCli } = await import('./cli/main.ts');
  await runCli(args, version);
}
