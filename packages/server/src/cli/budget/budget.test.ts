// `car budget` against a real daemon, run as a process of its own.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../../test/daemon-process.ts';
import { runCar } from '../../../test/run-car.ts';

// req: cli.budget
test('budgets are listed, set, shown, extended, reset and removed from the command line', async () => {
  await using daemon = await startDaemon();
  writeFileSync(
    join(daemon.root, 'budgets.toml'),
    '[[budget]]\nname = "file"\nper = "run"\nwall_time_ms = 90000\ncost_usd = 0.25\n[[price]]\ntool = "*"\ncost_usd = 0.01\n',
  );
  const car = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCar(['budget', ...args], { root: daemon.root });
    return [code, stdout, stderr.split('\n', 1)[0]];
  };
  assert.deepEqual(await car('set', 'daily', '--per', 'day', '--agent', '*', '--calls', '500', '--usd', '5'), [
    0,
    'set daily: 500 calls, $5 per day\n',
    '',
  ]);
  assert.deepEqual(await car('ls'), [
    0,
    'daily\teach agent\tday\tdaemon\t500 calls, $5\nfile\tall together\trun\tbudgets.toml\t1m 30s, $0.25\n',
    '',
  ]);
  const [, json] = await car('ls', '--json');
  assert.deepEqual((JSON.parse(String(json)) as { budgets: { name: string }[]; prices: unknown[] }).prices, [
    { tool: '*', cost_usd: 0.01, reported: false },
  ]);
  const [code, extended] = await car('extend', 'daily', '--agent', 'a1', '--calls', '7');
  assert.equal(code, 0);
  assert.match(String(extended), /^daily\ta1\t\d{4}-\d\d-\d\d\t0 of 507\t0 ms\t0\t\$0 of \$5\t\d{4}-.*Z\n$/);
  assert.match(String((await car('usage', '--agent', 'a1'))[1]), /^daily\ta1\t.*\t0 of 507\t/);
  assert.match(
    String((await car('show', 'daily'))[1]),
    /^daily {2}500 calls, \$5 per day, for each agent\nset in the daemon\ndaily\ta1\t/,
  );
  assert.deepEqual(await car('reset', 'daily'), [0, '1 account begun anew\n', '']);
  assert.deepEqual(await car('usage'), [0, '', '']);
  assert.deepEqual(await car('rm', 'daily'), [0, 'removed daily\n', '']);
  assert.deepEqual(await car('rm', 'daily'), [1, 'there is no budget daily\n', '']);
  const refusals: [string[], number, RegExp][] = [
    [['rm', 'file'], 1, /it is in budgets\.toml/],
    [['show', 'none'], 1, /There is no budget "none"/],
    [['set', 'x', '--per', 'week', '--calls', '1'], 2, /--per is run, day or total/],
    [['set', 'x', '--per', 'day'], 2, /give at least one of/],
    [['set', 'x', '--per', 'day', '--time', '5'], 2, /--time is 500ms, 90s/],
    [['set', 'x', '--per', 'day', '--usd', '1e3'], 2, /--usd is an amount/],
    [['set', 'x', '--per', 'day', '--calls', '-1'], 2, /--calls is a whole number/],
    [['set', 'x', '--per', 'day', '--calls', '1', '--role', 'client'], 1, /needs the host role.*host token/],
  ];
  for (const [args, status, message] of refusals) {
    const [found, , text] = await car(...args);
    assert.deepEqual([found, message.test(String(text))], [status, true], `${args.join(' ')}: ${text}`);
  }
});
