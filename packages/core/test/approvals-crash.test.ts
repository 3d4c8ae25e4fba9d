// The daemon is killed between a decision and what runs on it.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostApproval, HostEvent } from '@car-runtime/protocol';
import { Peer } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { TempFolder } from '@car-runtime/testkit';
import { HostWire } from './host-wire.ts';

// All of what was asked fits in one answer of `host.approvals`.
const kills = process.env['CAR_TEST_LONG'] ? 80 : 8;
const calls = 6;
const image = join(import.meta.dirname, '../src/domains/desktop/sample-image.png');

/** A tesseract that only writes down that it ran, and for which languages: those tell the calls apart. */
function installProgram(folder: TempFolder): { programs: string; runs: () => string[] } {
  const programs = folder.join('bin');
  const log = folder.join('ran');
  mkdirSync(programs);
  writeFileSync(join(programs, 'tesseract'), `#!/bin/sh\necho "$4" >> ${log}\nexec 0<&-\n`);
  chmodSync(join(programs, 'tesseract'), 0o755);
  return { programs, runs: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

async function start(
  folder: TempFolder,
  programs: string,
): Promise<{ child: ChildProcess; connect: () => Promise<HostWire> }> {
  const child = fork(join(import.meta.dirname, 'approvals-daemon.ts'), [folder.path, programs]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const connect = async (): Promise<HostWire> => {
    const channel = await openWebSocket({ url: `ws://127.0.0.1:${port}` });
    return new HostWire(
      (onEvent) =>
        new Peer(channel, {
          onRequest: (call) => call.resolve(null),
          onNotification: (_method, params) => onEvent(params as HostEvent),
        }),
    );
  };
  return { child, connect };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Languages nobody has, three letters each: every call has one of its own. */
function languageOf(call: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return `q${letters[Math.floor(call / 26) % 26]}${letters[call % 26]}${call >= 676 ? `_${call}` : ''}`;
}

// req: approvals.crash
test(`a daemon killed at ${kills} moments around decisions runs what was approved once or not at all, and the record says which`, async () => {
  using folder = new TempFolder();
  const { programs, runs } = installProgram(folder);
  const languages = new Map<string, string>();
  const answered = new Map<string, HostApproval>();
  let made = 0;
  for (let round = 0; round < kills; round++) {
    const { child, connect } = await start(folder, programs);
    const [host, caller] = [await connect(), await connect()];
    await host.subscribe();
    for (let index = 0; index < calls; index++) {
      const language = languageOf(made++);
      caller.call('vision.ocr', { image_path: image, languages: [language] }).catch(() => undefined);
      const asked = await host.nextApproval();
      languages.set(asked.id, language);
      const resolution = index % 3 === 2 ? 'deny' : 'approve';
      void host.resolve(asked.id, resolution).then(
        (answer) => answered.set(answer.id, answer),
        () => undefined,
      );
    }
    // From at once to when everything has run.
    if (round % 3 !== 0) await delay(Math.random() * 60);
    await kill(child);
  }
  // What was started last goes on without the daemon, for a moment.
  const { child, connect } = await start(folder, programs);
  const host = await connect();
  const rows = await host.approvals({ limit: 500 });
  assert.equal(rows.length, kills * calls, 'every approval that was announced is there');
  const ran = runs();
  const tally: Record<string, number> = {};
  for (const { id, status, outcome, resolution, execution } of rows) {
    const times = ran.filter((language) => language === languages.get(id)).length;
    const what = `${outcome}/${execution}`;
    tally[what] = (tally[what] ?? 0) + 1;
    assert.equal(status, 'resolved');
    const decided = answered.get(id);
    if (decided)
      assert.deepEqual(
        [resolution, outcome],
        [decided.resolution, decided.outcome],
        'an answered decision is never lost',
      );
    switch (what) {
      case 'approved/completed':
      case 'approved/failed':
        assert.equal(times, 1, what);
        break;
      case 'approved/interrupted':
        assert.ok(times <= 1, what);
        break;
      case 'approved/not_run':
      case 'denied_by_human/undefined':
      case 'daemon_restarted/undefined':
        assert.equal(times, 0, what);
        break;
      default:
        assert.fail(what);
    }
  }
  assert.ok((tally['denied_by_human/undefined'] ?? 0) > 0 && Object.keys(tally).length >= 3, JSON.stringify(tally));
  await kill(child);
});
