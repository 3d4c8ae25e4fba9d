// The commands on journals, as processes of their own, on journals of a real daemon.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateKeyPairSync } from 'node:crypto';
import { connect } from '@car-runtime/client';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar, type RunOptions } from '../../../test/run-car.ts';

let daemon: DaemonProcess;
let folder: string;
/** A session that enabled the chain, ran two plans and ended. */
let chained: string;
let keyFile: string;
let copies = 0;

before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(join(tmpdir(), 'car-journal-'));
  const tokenFile = join(daemon.root, 'ai.parslee.car', 'auth-token');
  const client = await connect({ socketPath: daemon.ready.socket, tokenFile, reconnect: false });
  const { connection } = await client.server.status();
  await client.events.chain.enable();
  for (const id of ['one', 'two']) {
    const write = { id: 'write', type: 'state_write' as const, parameters: { key: 'k', value: id } };
    const fails = { id: 'fails', type: 'assertion' as const, parameters: { key: 'k', value: 'else' } };
    await client.proposal.submit({ proposal: { id, actions: [write, fails] } });
  }
  await client.close();
  chained = join(daemon.root, 'journals', `${connection.client_id}.jsonl`);
  keyFile = join(daemon.root, 'journal-key.pub');
  while (!readFileSync(checkpointsOf(chained), 'utf8').includes('"closed"')) await new Promise(setImmediate);
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const journal = (args: readonly string[], options: Partial<RunOptions> = {}) =>
  runCar(['journal', ...args], { root: folder, ...options });
const checkpointsOf = (path: string): string => path.replace(/\.jsonl$/, '.checkpoints.jsonl');

/** A copy of the journal under the name its checkpoints know. */
function copy(): string {
  const path = join(mkdtempSync(join(folder, `${copies++}-`)), chained.slice(chained.lastIndexOf('/') + 1));
  copyFileSync(chained, path);
  copyFileSync(checkpointsOf(chained), checkpointsOf(path));
  return path;
}

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');

// req: cli.journal-show
test('show prints the events as JSON lines, all or those that were asked for', async () => {
  const { code, stdout, stderr } = await journal(['show', chained]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout, readFileSync(chained, 'utf8'));
  const shown = async (...args: string[]): Promise<string[]> => {
    const { stdout: text } = await journal(['show', chained, ...args]);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const { kind, action_id, proposal_id } = JSON.parse(line) as Record<string, string>;
        return [kind, action_id, proposal_id].join(' ');
      });
  };
  assert.deepEqual(await shown('--kind', 'action_failed'), ['action_failed fails one', 'action_failed fails two']);
  assert.deepEqual(await shown('--kind', 'action_failed,action_succeeded', '--proposal', 'two'), [
    'action_succeeded write two',
    'action_failed fails two',
  ]);
  assert.deepEqual(await shown('--action', 'write', '-n', '1'), ['action_succeeded write two']);
  assert.deepEqual(await shown('-n', '0'), []);
  assert.equal((await journal(['show', chained, '-n', 'many'])).code, 2);
  assert.equal((await journal(['show', join(folder, 'missing.jsonl')])).code, 1);
});

// req: cli.journal-show
test('on a terminal show is a table that no event can break out of', async () => {
  const { stdout } = await journal(['show', chained, '--proposal', 'two', '--kind', 'action_failed,state_rollback'], {
    terminal: ['stdout'],
  });
  const text = plain(stdout)
    .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, 'HH:MM:SS.mmm')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE');
  assert.match(
    text,
    /^TIME +KIND +ACTION +PROPOSAL +DATA\nDATE\nHH:MM:SS\.mmm {2}action_failed +fails +two +action_type=assertion [^\n]*\nHH:MM:SS\.mmm {2}state_rollback +- +two +caused_by=fails[^\n]*\n$/,
  );
  const evil = 'x\u001B[2J\u009B2J\u202E\n\t';
  const event = { kind: evil, action_id: evil, proposal_id: evil, data: { [evil]: evil }, timestamp: evil };
  const path = join(folder, 'evil.jsonl');
  writeFileSync(path, `${JSON.stringify(event)}\nnon\u001Bsense\n{"torn`);
  for (const args of [[path], [path, '--json']]) {
    const shown = await journal(['show', ...args], { terminal: ['stdout', 'stderr'] });
    assert.equal(shown.code, 0);
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    assert.doesNotMatch(plain(shown.stdout + shown.stderr), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
    assert.match(
      plain(shown.stderr),
      /evil\.jsonl: line 2 is no event\ncar: .*: line 3 is unfinished: its writer was stopped\n$/,
    );
    for (const line of plain(shown.stdout).split('\n')) assert.ok(args.length > 1 || line.length <= 100, line);
  }
  const other = join(folder, 'other.txt');
  writeFileSync(other, 'no\njournal\n');
  assert.equal((await journal(['show', other])).code, 1);
});

// req: cli.reader-gone
test('a reader that goes away ends show quietly', async () => {
  const path = join(folder, 'long.jsonl');
  writeFileSync(path, `${linesOf(chained)[0]}\n`.repeat(50_000));
  const { child, result } = startCar(['journal', 'show', path], { root: folder });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.destroy();
  const { code, stderr } = await result;
  assert.deepEqual([code, stderr], [0, '']);
});

// req: cli.journal-verify
test('verify finds a journal of the daemon intact, and proven by its key', async () => {
  const { code, stdout, stderr } = await journal(['verify', chained, '--key', keyFile]);
  assert.deepEqual([code, stderr], [0, '']);
  const count = linesOf(chained).length;
  assert.equal(
    stdout,
    `✓ intact
  ${chained}: ${count} lines
  hash chain: intact, ${count} events from line 1
  checkpoints: 2, signed by the given key, 0 events since the last; the session was closed
`,
  );
  const own = await journal(['verify', chained], { root: daemon.root });
  assert.equal(own.code, 0);
  assert.match(own.stdout, /^✓ intact\n[^]*signed by this state root's key/);
  const unchecked = await journal(['verify', chained]);
  assert.equal(unchecked.code, 0);
  assert.match(unchecked.stdout, /^✓ intact, signatures not checked\n/);
  const asJson = await journal(['verify', chained, '--json']);
  const report = JSON.parse(asJson.stdout) as { verdict: string; problems: unknown[] };
  assert.deepEqual([asJson.code, report.verdict, report.problems], [0, 'intact', []]);
});

// req: cli.journal-verify
test('a changed, a cut and a shortened journal are exit 1 with the first bad line', async () => {
  const changed = copy();
  const lines = linesOf(changed);
  writeFileSync(
    changed,
    `${lines.with(2, (lines[2] ?? '').replace('"proposal_id":"one"', '"proposal_id":"two"')).join('\n')}\n`,
  );
  const tampered = await journal(['verify', changed]);
  assert.equal(tampered.code, 1);
  assert.match(tampered.stdout, /^✗ tampered with or cut off, first bad line 3\n/);
  assert.match(tampered.stdout, /\n {2}line 3: the event is not what its hash says\n/);

  const cut = copy();
  writeFileSync(cut, `${lines.slice(0, -2).join('\n')}\n`);
  const truncated = await journal(['verify', cut, '--key', keyFile]);
  assert.equal(truncated.code, 1);
  assert.match(truncated.stdout, /^✗ tampered with or cut off, first bad line \d+, the end is missing\n/);

  const shortened = copy();
  writeFileSync(shortened, `${lines.slice(1).join('\n')}\n`);
  assert.match((await journal(['verify', shortened])).stdout, /^✗ .*, the beginning is missing/);

  const torn = copy();
  appendFileSync(torn, '{"kind":"x');
  const unfinished = await journal(['verify', torn]);
  assert.equal(unfinished.code, 0);
  assert.match(unfinished.stdout, / lines and an unfinished one\n/);
});

// req: cli.journal-verify
test('with a key, a journal whose checkpoints are gone or foreign is exit 1; without a chain nothing is claimed', async () => {
  const stripped = copy();
  rmSync(checkpointsOf(stripped));
  assert.equal((await journal(['verify', stripped])).code, 0);
  const unproven = await journal(['verify', stripped, '--key', keyFile]);
  assert.equal(unproven.code, 1);
  assert.match(unproven.stdout, /^✗ unproven: no checkpoint is signed with this key\n/);
  const foreign = join(folder, 'foreign.pub');
  writeFileSync(foreign, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
  assert.equal((await journal(['verify', chained, '--key', foreign])).code, 1);
  const other = mkdtempSync(join(folder, 'root-'));
  copyFileSync(foreign, join(other, 'journal-key.pub'));
  const elsewhere = await journal(['verify', chained], { root: other });
  assert.equal(elsewhere.code, 1);
  assert.match(
    elsewhere.stdout,
    /^✗ unproven: no checkpoint is signed with this key, that of this state root: .*--key\n/,
  );
  const strippedOwn = await journal(['verify', stripped], { root: daemon.root });
  assert.equal(strippedOwn.code, 1);
  const unchained = join(folder, 'plain.jsonl');
  writeFileSync(unchained, '{"kind":"x","data":{},"timestamp":"t"}\n');
  const unprotected = await journal(['verify', unchained]);
  assert.equal(unprotected.code, 0);
  assert.equal((await journal(['verify', unchained], { root: daemon.root })).code, 0);
  assert.match(unprotected.stdout, /^\? nothing is wrong, but this journal has no hash chain that would show it\n/);
});

// req: cli.journal-verify
test('what is no journal, and what is no key, is exit 2 in one line', async () => {
  const text = join(folder, 'text.jsonl');
  writeFileSync(text, 'no\njournal\n');
  const rsa = join(folder, 'rsa.pub');
  writeFileSync(
    rsa,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  const cases: [args: string[], message: RegExp][] = [
    [[text], /^car: .*text\.jsonl: not a journal: no line is an event\n$/],
    [[join(folder, 'missing.jsonl')], /^car: .*missing\.jsonl: cannot be read: ENOENT.*\n$/],
    [[folder], /^car: .*: cannot be read: EISDIR.*\n$/],
    [[chained, '--key', text], /^car: Cannot use .*text\.jsonl as a public key: /],
    [[chained, '--key', rsa], /^car: Cannot use .* as a public key: an Ed25519 key is wanted, not rsa\n/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await journal(['verify', ...args]);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message);
  }
});

// req: cli.plan-journal-help
test('help names the examples and every exit status, and shells complete file names', async () => {
  const { stdout: bash } = await runCar(['completion', 'bash'], { root: folder });
  for (const [command, ...words] of [
    ['plan', 'check', 'graph', 'run'],
    ['journal', 'show', 'verify'],
  ] as const) {
    for (const word of words) {
      const { code, stdout } = await runCar([command, word, '--help'], { root: folder });
      assert.equal(code, 0);
      assert.match(stdout, /\nExit status:\n {2}0 {2}/);
      if (command === 'plan') assert.match(stdout, /examples\/plans\/[a-z-]+\.json/);
      assert.ok(bash.includes(`'${command} ${word}|0') _car_files; return ;;`), `${command} ${word}`);
    }
  }
});
