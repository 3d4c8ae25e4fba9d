// `car agents chat` on a terminal, as a person uses it: a pseudo-terminal, keys in, screen out.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPython } from '@car-runtime/testkit';
import { startDaemon } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../../test/run-car.ts';

const program = fileURLToPath(new URL('../../car.ts', import.meta.url));
/** Hands keys and screen of a pseudo-terminal through pipes. */
const onTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** A program on a terminal; `until` answers what is new on the screen since the last time. */
function openTerminal(python: string, args: readonly string[], root: string) {
  const child = spawn(python, ['-c', onTerminal, process.execPath, program, ...args], {
    env: { ...process.env, CAR_HOME: root, NO_COLOR: '1', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text));
  const exit = once(child, 'close') as Promise<[number]>;
  return {
    exit,
    type: (keys: string) => void child.stdin.write(keys),
    until: async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(plain(screen))) {
        const ended = await Promise.race([once(child.stdout, 'data').then(() => false), exit.then(() => true)]);
        if (ended && !pattern.test(plain(screen))) throw new Error(`It ended without ${pattern}: ${screen}`);
      }
      const text = plain(screen);
      screen = '';
      return text;
    },
  };
}

for (const language of ['typescript', 'python']) {
  // req: cli.agents-chat, example.agent
  test(`a conversation in ${language}: an answer, a question answered by a key, a paste, the history, and a chat that goes on`, async (context) => {
    const python = findPython(context);
    if (!python) return;
    const daemon = await startDaemon();
    const work = mkdtempSync(join(tmpdir(), 'car-talk-'));
    try {
      const { root } = daemon;
      await runCar(['agents', 'new', 'talker', '--dir', join(work, 'talker'), '--language', language, '--start'], {
        root,
      });
      await using logs = startCar(['agents', 'logs', '-f', 'talker'], { root });
      await logs.until('stdout', (printed) => printed.includes('ready\n'));
      const chat = openTerminal(python, ['agents', 'chat', 'talker'], root);
      await chat.until(/chat with talker[^]*› /);
      chat.type('Ada\r');
      await chat.until(/⚙ "greet" \{ name: "Ada" \}[^]*Hello, Ada![^]*› /);
      chat.type('remember the milk\r');
      await chat.until(/asks to go on with "remember" \{ fact: "the milk" \}[^]*y approve {3}n deny/);
      chat.type('y');
      await chat.until(/approved[^]*I keep that in mind\.[^]*› /);
      chat.type('\u001B[200~one\rtwo\u001B[201~');
      await chat.until(/two/);
      chat.type('\r');
      await chat.until(/Hello, one\r?\ntwo![^]*› /);
      chat.type('\u001B[A\u001B[A');
      await chat.until(/one/);
      chat.type('\r');
      await chat.until(/Hello, one![^]*› /);
      // Nobody answers, and Ctrl-C gives up on it.
      chat.type('remember more\r');
      await chat.until(/n deny/);
      chat.type('\u0003');
      await chat.until(/cancelled[^]*› /);
      chat.type('\u0003');
      const [, session = ''] = /--resume (\S+)/.exec(await chat.until(/--resume \S+[^]*goes on/)) ?? [];
      assert.deepEqual(await chat.exit, [0, null]);
      // Each answer is a run, and the one that was given up has ended too.
      let statuses: string[] = [];
      while (!statuses.every((status) => status === 'completed') || statuses.length !== 5) {
        const runs = await runCar(['runs', 'ls', '--agent', 'talker', '--json'], { root });
        const listed = (JSON.parse(runs.stdout) as { runs: { intent: string; status: string }[] }).runs;
        statuses = listed.filter(({ intent }) => intent === 'answer a prompt').map(({ status }) => status);
      }
      const resumed = openTerminal(python, ['agents', 'chat', 'talker', '--resume', session], root);
      await resumed.until(/unknown chat session[^]*› /); // it was cancelled; what comes next begins it anew
      resumed.type('Bob\r');
      await resumed.until(/Hello, Bob![^]*› /);
      resumed.type('\u0004');
      await resumed.until(/goes on with this chat/);
      const again = openTerminal(python, ['agents', 'chat', 'talker', '--resume', session], root);
      await again.until(/Hello, Bob![^]*› /);
      again.type('\u0004');
      await again.exit;
    } finally {
      await daemon.stop();
      rmSync(work, { recursive: true });
    }
  });
}
