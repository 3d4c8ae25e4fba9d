import assert from 'node:assert/strict';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../errors.ts';
import { loadConfig } from './load-config.ts';
import { configText, helpText } from './show-config.ts';
import { settingTable } from './settings.ts';

interface Given {
  args?: string[];
  env?: Record<string, string>;
  file?: string;
}

/** Loads with a state root of its own, which holds `file` as its settings. */
async function load({ args = [], env = {}, file }: Given) {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-config-'));
  if (file !== undefined) writeFileSync(join(root.path, 'config.toml'), file);
  const config = await loadConfig({ args, env: { CAR_HOME: root.path, ...env } });
  return { ...config, root: root.path };
}

function refusal(given: Given): Promise<string> {
  return load(given).then(
    () => assert.fail('was accepted'),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.ok(!error.message.includes('\n'), 'one line');
      return error.message;
    },
  );
}

// req: transport.config-layers
test('flags come before the environment, that before the file, that before the defaults', async () => {
  const file = 'port = 1\nmcp_bind = "127.0.0.1:1"\nno_auth = true\n[log]\nlevel = "warn"\nmax_files = 2\n';
  const env = { CAR_MCP_BIND: '127.0.0.1:2', CAR_NO_AUTH: '0', CAR_A2A_BIND: '' };
  const { values, sources } = await load({
    file,
    env,
    args: ['--mcp-bind', 'disabled', '--log-level=error', '--port', '3', '--port=4'],
  });
  const shown = ['port', 'mcp_bind', 'no_auth', 'log.level', 'log.max_files', 'a2a_bind', 'host'] as const;
  assert.deepEqual(
    shown.map((name) => [name, values[name], sources.get(name)]),
    [
      ['port', 4, '--port'],
      ['mcp_bind', 'disabled', '--mcp-bind'],
      ['no_auth', false, 'CAR_NO_AUTH'],
      ['log.level', 'error', '--log-level'],
      ['log.max_files', 2, 'file'],
      ['a2a_bind', undefined, 'default'],
      ['host', '127.0.0.1', 'default'],
    ],
  );
});

// req: transport.config-strict
test('what cannot be taken is refused in one line that names it', async () => {
  const inFile = / \(in \/.*config\.toml\)$/;
  const refusals: [Given, RegExp][] = [
    [{ args: ['--prot', '1'] }, /^There is no flag --prot \(see --help\)$/],
    [{ args: ['-p', '1'] }, /^There is no flag -p /],
    [{ args: ['--no-port'] }, /^There is no flag --no-port/],
    [{ args: ['--__proto__'] }, /^There is no flag --__proto__/],
    [{ args: ['start'] }, /^Cannot take the argument "start"/],
    [{ args: ['--port'] }, /^--port needs a value$/],
    [{ args: ['--port', '--no-auth'] }, /^--port needs a value$/],
    [{ args: ['--no-auth=1'] }, /^--no-auth takes no value$/],
    [{ args: ['--port', '65535'] }, /^--port must be a whole number from 0 to 65534, not "65535"$/],
    [{ args: ['--port', '1e3'] }, /^--port must be/],
    [{ args: ['--host', 'localhost'] }, /^--host must be an IP address, not "localhost"$/],
    [{ args: ['--allow-origin', 'null'] }, /^--allow-origin must be an origin/],
    [
      { args: ['--allow-origin', 'https://a.example', '--allow-origin', 'https://b.example/'] },
      /^--allow-origin must be an origin such as https:\/\/b\.example, without a path or a slash at the end, not "https:\/\/b\.example\/"$/,
    ],
    [{ args: ['--allow-origin', '*'] }, /^--allow-origin must be an origin/],
    [{ args: ['--allow-origin', 'https://*.example'] }, /^--allow-origin must be an origin/],
    [{ args: ['--allow-host', 'http://a.example'] }, /^--allow-host must be a host name/],
    [{ args: ['--allow-host', '*'] }, /^--allow-host must be a host name/],
    [{ args: ['--mcp-bind', 'off'] }, /^--mcp-bind must be an address such as .*, or "disabled", not "off"$/],
    [{ args: ['--a2a-bind', 'disabled'] }, /^--a2a-bind must be an address/],
    [{ env: { CAR_NO_AUTH: 'maybe' } }, /^CAR_NO_AUTH must be 1 or 0 .*, not "maybe"$/],
    [{ env: { CAR_MCP_BIND: 'x' } }, /^CAR_MCP_BIND must be/],
    [{ env: { CAR_HOME: 'relative/root' } }, /^CAR_HOME must be an absolute path, not "relative\/root"$/],
    [{ file: 'prot = 1' }, new RegExp(`^There is no setting "prot"${inFile.source}`)],
    [{ file: '[limits]\nmax_frames = 1' }, new RegExp(`^There is no setting "limits.max_frames"${inFile.source}`)],
    [{ file: '[server]\nport = 1' }, new RegExp(`^There is no setting "server"${inFile.source}`)],
    [{ file: 'auth_token = "secret"' }, new RegExp(`^auth_token cannot be set in a file${inFile.source}`)],
    [{ file: 'port = "many"' }, /^port in \/.*config\.toml must be a whole number from 0 to 65534, not "many"$/],
    [{ file: 'limits = 3' }, /^There is no setting "limits"/],
    [{ file: 'port = 1\nhost = ' }, /^Cannot read \/.*config\.toml: line 2: /],
    [{ args: ['--config', '/nonexistent/car.toml'] }, /^Cannot read \/nonexistent\/car\.toml: ENOENT/],
  ];
  for (const [given, expected] of refusals) assert.match(await refusal(given), expected, JSON.stringify(given));
});

// req: transport.blank-secret
test('a blank secret is refused, and no refusal repeats a secret', async () => {
  assert.match(await refusal({ env: { CAR_AUTH_TOKEN: '' } }), /^CAR_AUTH_TOKEN must be text that is not blank$/);
  assert.match(await refusal({ env: { CAR_AUTH_TOKEN: ' \t' } }), /^CAR_AUTH_TOKEN must be text that is not blank$/);
  assert.match(await refusal({ args: ['--auth-token', ''] }), /^--auth-token must be text that is not blank$/);
  assert.match(await refusal({ args: ['--auth-token=  '] }), /^--auth-token must be text that is not blank$/);
  const both = await refusal({ args: ['--auth-token', 'swordfish', '--auth-token-file', '/x'] });
  assert.equal(both, '--auth-token and --auth-token-file are both set; give one of them');
});

test('of a token and a token file the nearer one counts', async () => {
  const { values, warnings } = await load({
    env: { CAR_AUTH_TOKEN: ' swordfish\n' },
    args: ['--auth-token-file', '/x'],
  });
  assert.deepEqual([values.auth_token, values.auth_token_file], [undefined, '/x']);
  assert.deepEqual(warnings, ['CAR_AUTH_TOKEN is not used: --auth-token-file comes first']);
  assert.equal((await load({ env: { CAR_AUTH_TOKEN: ' swordfish\n' } })).values.auth_token, 'swordfish');
});

// req: transport.timeout-variables
test('the two timeout variables fall back to their defaults when they cannot be read', async () => {
  for (const bad of ['soon', '0', '-5', 'NaN', '1h']) {
    const { values, warnings } = await load({ env: { CAR_TOOL_TIMEOUT: bad, CAR_HANDLER_TIMEOUT: bad } });
    assert.deepEqual([values.tool_timeout_seconds, values.handler_timeout_seconds], [300, 1_800], bad);
    assert.equal(warnings.length, 2);
  }
  const { values } = await load({ env: { CAR_TOOL_TIMEOUT: '1.5', CAR_HANDLER_TIMEOUT: '60' } });
  assert.deepEqual([values.tool_timeout_seconds, values.handler_timeout_seconds], [1.5, 60]);
});

// req: transport.state-root-prefix
test('a path that begins with ~/.car/ is below the state root; others are relative to where they were given', async () => {
  const journals = async (given: Given) => {
    const { values, root } = await load(given);
    return values.journal_dir?.replace(root, '<root>');
  };
  assert.equal(await journals({ args: ['--journal-dir', '~/.car/other'] }), '<root>/other');
  assert.equal(await journals({ file: 'journal_dir = "~/.car/other"' }), '<root>/other');
  assert.equal(await journals({ file: 'journal_dir = "sub/folder"' }), '<root>/sub/folder');
  assert.equal(await journals({ args: ['--journal-dir', 'here'] }), join(process.cwd(), 'here'));
  assert.equal(await journals({ args: ['--journal-dir', '/elsewhere'] }), '/elsewhere');
});

// req: transport.print-config
test('what --print-config shows is a settings file with the same effect, without secrets', async () => {
  const args = [
    '--host',
    '::1',
    '--allow-host',
    'a.example',
    '--allow-host',
    'b.example:1',
    '--auth-token',
    'swordfish',
  ];
  const shown = await load({ args, env: { CAR_MCP_BIND: 'disabled' } });
  const text = configText(shown);
  assert.ok(!text.includes('swordfish'));
  for (const line of [
    'host = "::1"  # --host',
    '# auth_token = "(set)"  # --auth-token',
    'mcp_bind = "disabled"  # CAR_MCP_BIND',
    'port = 9100  # default',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  const again = await load({ file: text });
  assert.deepEqual(again.values, { ...shown.values, auth_token: undefined });
});

test('the help names every flag and every section of the file', () => {
  const help = helpText();
  for (const [name, { flag }] of settingTable) assert.ok(help.includes(flag ? `--${flag.name} ` : `  ${name} `), name);
});

// req: external.acp-config
test('agents that speak ACP are taken from the file, shown as it has them, and refused by name when they cannot be used', async () => {
  const file =
    '[external.acp.goose]\ncommand = "/usr/bin/goose"\nargs = ["acp"]\n[external.acp.goose.env]\nMODE = "approve"';
  const shown = await load({ file });
  const agents = { goose: { command: '/usr/bin/goose', args: ['acp'], env: { MODE: 'approve' } } };
  assert.deepEqual(shown.values['external.acp'], agents);
  const again = await load({ file: configText(shown) });
  assert.deepEqual(again.values['external.acp'], agents);
  const rows: [text: string, why: RegExp][] = [
    ['[external.acp.codex]\ncommand = "/x"', /none of claude-code, codex/],
    ['[external.acp."../x"]\ncommand = "/x"', /named by ids/],
    ['[external.acp.a]\ncommand = "goose"', /an absolute path as command of a/],
    ['[external.acp.a]\ncommand = "/x"\nargs = [1]', /args of a/],
    ['[external.acp.a]\ncommand = "/x"\nenv = { A = 1 }', /env of a/],
    ['[external.acp.a]\ncommand = "/x"\nshell = true', /without "shell"/],
    ['[external]\nacp = 1', /a table for each agent/],
  ];
  for (const [text, why] of rows) await assert.rejects(load({ file: text }), why);
});

// req: chat.config
test('the times of chats are taken from the file within their bounds; nothing ends a quiet chat unless it is said', async () => {
  const { values } = await load({ file: '[chat]\nack_timeout_seconds = 0.5\nstale_after_seconds = 90' });
  const timesOf = (of: typeof values) => [
    of['chat.ack_timeout_seconds'],
    of['chat.resume_grace_seconds'],
    of['chat.stale_after_seconds'],
  ];
  assert.deepEqual(timesOf(values), [0.5, 300, 90]);
  const given = await load({});
  assert.deepEqual(timesOf(given.values), [5, 300, undefined]);
  assert.deepEqual(timesOf((await load({ file: configText(given) })).values), [5, 300, undefined]);
  for (const line of [
    'stale_after_seconds = 0',
    'stale_after_seconds = 86401',
    'stale_after_seconds = "soon"',
    'ack_timeout_seconds = -1',
  ])
    assert.match(
      await refusal({ file: `[chat]\n${line}` }),
      /chat\.(?:stale_after|ack_timeout)_seconds.*a number of seconds above 0/,
    );
});

// req: skills.config, memory.utility
test('who signs packs of skills, and what the others may do, is taken from the file, and a slip is refused by name', async () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  const file = `trusted_skill_signers = ["${key}"]\n[skills]\ncommunity_ceiling = "none"\n[memory]\nutility_weight = 0.5`;
  const shown = await load({ file });
  assert.deepEqual(shown.values.trusted_skill_signers, [key]);
  assert.equal(shown.values['skills.community_ceiling'], 'none');
  assert.deepEqual([shown.values['memory.utility_weight'], shown.values['memory.utility_exploration']], [0.5, 0]);
  const again = await load({ file: configText(shown) });
  assert.deepEqual(again.values, shown.values);
  const rows: [text: string, why: RegExp][] = [
    ['trusted_skill_signers = ["abc"]', /trusted_skill_signers.*an Ed25519 key, 32 bytes in base64/],
    [`trusted_skill_signers = ["${key.slice(0, -2)}\\n="]`, /an Ed25519 key/],
    ['trusted_skill_signers = "abc"', /a list/],
    ['[skills]\ncommunity_ceiling = "full_access"', /none, read_only, sandbox_edit/],
    ['[memory]\nutility_weight = 2', /a number from 0 to 1/],
    ['[memory]\nutility_exploration = -1', /a number from 0 to 4/],
  ];
  for (const [text, why] of rows) await assert.rejects(load({ file: text }), why);
});
