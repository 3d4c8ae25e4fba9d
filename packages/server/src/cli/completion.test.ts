import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { methods } from '@car-runtime/protocol';
import { runCar } from '../../test/run-car.ts';
import { commands, globalOptions } from './command-table.ts';

const root = mkdtempSync(join(tmpdir(), 'car-completion-'));
let bash = '';

before(async () => {
  bash = (await runCar(['completion', 'bash'], { root })).stdout;
  writeFileSync(join(root, 'car.bash'), bash);
  writeFileSync(join(root, 'params.json'), '{}');
  writeFileSync(join(root, 'my plan.json'), '{}');
});

after(() => rmSync(root, { recursive: true }));

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _car; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const text = execFileSync('bash', ['--norc', '-c', script, 'bash', join(root, 'car.bash'), 'car', ...words], {
    cwd: root,
    encoding: 'utf8',
  });
  return text.split('\n').filter((line) => line !== '');
}

// req: cli.completion
test('bash offers commands, options, methods, choices and files, each where it belongs', () => {
  assert.deepEqual(
    offered(''),
    commands.map(({ name }) => name),
  );
  assert.deepEqual(offered('sto'), ['stop']);
  assert.deepEqual(offered('call', 'state.s'), ['state.set', 'state.snapshot']);
  assert.deepEqual(offered('--json', 'call', 'state.set', 'par'), ['params.json']);
  assert.deepEqual(offered('token', ''), ['path']);
  assert.deepEqual(offered('agents', 'external', ''), ['ls', 'health', 'run']);
  assert.deepEqual(offered('token', 'path', 'h'), ['host']);
  assert.deepEqual(offered('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(offered('logs', '--level', 'w'), ['warn']);
  assert.deepEqual(offered('--role', ''), ['client', 'host', 'none']);
  assert.deepEqual(offered('--role', 'host', 'status', '--ur'), ['--url']);
  assert.deepEqual(offered('logs', '--fo'), ['--follow']);
  assert.deepEqual(offered('status', '--fo'), []);
  assert.deepEqual(offered('call', '--timeout', ''), []);
  assert.deepEqual(offered('call', '--timeout', '5', 'state.g'), ['state.get']);
  assert.deepEqual(offered('status', ''), []);
  assert.deepEqual(offered('doctor', '--only', 'state-'), ['state-root', 'state-root-mode']);
  assert.deepEqual(offered('doctor', '--skip', 'clock,jour'), ['clock,journals']);
  // Alone, as here, the function cannot hand over to the shell; then names are whole, blanks and all.
  assert.deepEqual(offered('plan', 'check', 'my'), ['my plan.json']);
  assert.match(bash, /compopt -o default/);
});

// req: cli.completion
test('zsh and fish are offered every command, option and method too', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { code, stdout } = await runCar(['completion', shell], { root });
    assert.equal(code, 0);
    for (const { name } of commands) assert.match(stdout, new RegExp(`\\b${name}\\b`));
    for (const { flags } of globalOptions) assert.ok(stdout.includes((flags.match(/--([a-z-]+)/) ?? [])[1] ?? '?'));
    for (const method of Object.keys(methods)) assert.ok(stdout.includes(method), `${shell}: ${method}`);
    // Quotes come in pairs, so no word ends early.
    assert.equal((stdout.replaceAll(String.raw`'\''`, '').match(/'/g) ?? []).length % 2, 0);
  }
});

// req: cli.completion
test('an unknown shell is exit 2', async () => {
  const { code, stderr } = await runCar(['completion', 'powershell'], { root });
  assert.equal(code, 2);
  assert.match(stderr, /A completion script is for bash, zsh or fish, not "powershell"/);
});
