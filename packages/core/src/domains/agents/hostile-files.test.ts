// What an agent could put where the daemon keeps its files about it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { readPrivateFile } from '../../infra/private-file.ts';
import { defaultLogLimits, LogFile, logPath } from './log-file.ts';
import { PidFiles } from './pid-files.ts';
import { tailLog } from './tail-log.ts';

const makePipe = (path: string): void => void execFileSync('mkfifo', [path]);

// req: agents.hostile-files
test('a pipe, a link or something endless where a process id is kept holds nobody up and says nothing', () => {
  using folder = new TempFolder();
  const files = new PidFiles(folder.path);
  makePipe(folder.join('pipe.pid'));
  symlinkSync('/dev/zero', folder.join('endless.supervisor.pid'));
  writeFileSync(folder.join('secret'), `${process.ppid}\n`);
  symlinkSync(folder.join('secret'), folder.join('link.pid'));
  writeFileSync(folder.join('large.pid'), '1\n');
  truncateSync(folder.join('large.pid'), 1024 ** 3);
  mkdirSync(folder.join('folder.pid'));
  for (const id of ['pipe', 'endless', 'link', 'large', 'folder'])
    assert.equal(files.foreignInstance(id), undefined, id);
  assert.deepEqual([...files.abandoned('m')], []);
});

// req: agents.hostile-files
test('a log is never written or read through a link or a pipe, and the agent goes on', async () => {
  using folder = new TempFolder();
  const elsewhere = folder.join('elsewhere');
  writeFileSync(elsewhere, 'not a log\n');
  symlinkSync(elsewhere, logPath(folder.path, 'link', 'stdout'));
  makePipe(logPath(folder.path, 'pipe', 'stdout'));
  for (const id of ['link', 'pipe']) {
    const problems: (string | undefined)[] = [];
    using log = new LogFile(folder.path, {
      id,
      stream: 'stdout',
      limits: defaultLogLimits,
      onProblem: (error) => problems.push(error?.message),
    });
    log.write(Buffer.from('said\n'));
    assert.equal(problems.length, 1, id);
    await assert.rejects(tailLog(logPath(folder.path, id, 'stdout'), 10, 0), /ELOOP|no regular file/);
  }
  assert.equal(readFileSync(elsewhere, 'utf8'), 'not a log\n');
});

// req: agents.hostile-files
test('a pipe in the place of a file with secrets is refused at once', () => {
  using folder = new TempFolder();
  makePipe(folder.join('agents.json'));
  assert.throws(() => readPrivateFile(folder.join('agents.json')), /no regular file/);
  assert.ok(existsSync(folder.join('agents.json')));
});
