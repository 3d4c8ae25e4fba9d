// No way of writing an action may need less than its plain form does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classifyAction } from './classify-action.ts';
import { isWithin } from './tier-order.ts';

const tierOf = (tool: string, parameters: Record<string, unknown>) =>
  classifyAction({ type: 'tool_call', tool, parameters }).tier;

type Disguise = (text: string) => string;

const between = (text: string, what: string): string => {
  const letters = Array.from(text);
  const at = Math.max(1, Math.floor(letters.length / 2));
  return [...letters.slice(0, at), what, ...letters.slice(at)].join('');
};
const onFirstWord =
  (change: Disguise): Disguise =>
  (text) => {
    const [first = '', ...rest] = text.split(' ');
    return [change(first), ...rest].join(' ');
  };
const hexOf = (text: string, prefix: string): string =>
  Array.from(text)
    .map((each) => prefix + (each.codePointAt(0) ?? 0).toString(16).padStart(2, '0'))
    .join('');
const cyrillic: Record<string, string> = { a: 'а', c: 'с', e: 'е', o: 'о', p: 'р', s: 'ѕ', i: 'і', x: 'х', y: 'у' };
const fullWidth: Disguise = (text) =>
  text.replaceAll(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0));
const bold: Disguise = (text) =>
  text.replaceAll(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) - 97 + 0x1d41a));

/** What looks the same, to people or to file systems. */
const looks: Record<string, Disguise> = {
  'upper case': (text) => text.toUpperCase(),
  'mixed case': (text) =>
    Array.from(text)
      .map((each, at) => (at % 2 ? each.toUpperCase() : each))
      .join(''),
  lookalikes: (text) =>
    Array.from(text)
      .map((each) => cyrillic[each] ?? each)
      .join(''),
  'full width': fullWidth,
  'mathematical bold': bold,
  'zero width': (text) => Array.from(text).join('\u200b'),
  'soft hyphen': (text) => between(text, '\u00ad'),
  'bidi override': (text) => `\u202e${between(text, '\u202c')}`,
  'combining marks': (text) => between(text, '\u0332'),
  'variation selector': (text) => between(text, '\ufe0f'),
  tags: (text) => between(text, '\u{e0041}'),
};

/** What a shell undoes. */
const shells: Record<string, Disguise> = {
  'empty quotes': onFirstWord((word) => between(word, "''")),
  'double quotes': onFirstWord((word) => `"${word}"`),
  'single quotes': onFirstWord((word) => `'${word}'`),
  backslash: onFirstWord((word) => between(word, '\\')),
  'escaped newline': onFirstWord((word) => between(word, '\\\n')),
  'hex of C': onFirstWord((word) => `$'${hexOf(word, '\\x')}'`),
  'empty expansion': onFirstWord((word) => between(word, '$@')),
  'field separator': (text) => text.replaceAll(' ', '${IFS}'),
  'field separator, short': (text) => text.replaceAll(' ', '$IFS$9'),
  tabs: (text) => text.replaceAll(' ', '\t'),
  'absolute path': onFirstWord((word) => `/usr/bin/${word}`),
  'long way': onFirstWord((word) => `/usr/lib/../bin/./${word}`),
  'windows ending': onFirstWord((word) => `C:\\\\bin\\\\${word}.exe`),
  'windows caret': onFirstWord((word) => between(word, '^')),
  glob: onFirstWord((word) => `/usr/bin/${word[0]}?${word.slice(2)}`),
  brace: (text) => `{${text.replaceAll(' ', ',')}}`,
  variable: (text) => `a=${text.split(' ')[0]}; $a ${text.split(' ').slice(1).join(' ')}`,
  assignment: (text) => `X=1 ${text}`,
  env: (text) => `env X=1 ${text}`,
  'env -i': (text) => `env -i ${text}`,
  nohup: (text) => `nohup ${text} &`,
  timeout: (text) => `timeout 5 ${text}`,
  nice: (text) => `nice -n 5 ${text}`,
  command: (text) => `command ${text}`,
  exec: (text) => `exec ${text}`,
  busybox: (text) => `busybox ${text}`,
  xargs: (text) => `echo x | xargs ${text}`,
  'xargs -I': (text) => `echo x | xargs -I {} ${text}`,
  'find -exec': (text) => `find . -exec ${text} \\;`,
  'bash -c': (text) => `bash -c "${text}"`,
  'bash -lc': (text) => `bash -lc '${text}'`,
  'sh in sh': (text) => `sh -c "sh -c '${text}'"`,
  'sudo sh': (text) => `sudo sh -c '${text}'`,
  eval: (text) => `eval "${text}"`,
  'after a semicolon': (text) => `ls; ${text}`,
  'after a newline': (text) => `ls\n${text}`,
  'after &&': (text) => `true && ${text}`,
  'after ||': (text) => `false || ${text}`,
  'in the background': (text) => `ls & ${text}`,
  'in a pipe': (text) => `cat x | ${text}`,
  subshell: (text) => `(${text})`,
  group: (text) => `{ ${text}; }`,
  substitution: (text) => `echo $(${text})`,
  'substitution in quotes': (text) => `echo "x $(${text})"`,
  backticks: (text) => `echo \`${text}\``,
  'process substitution': (text) => `cat <(${text})`,
  'default value': (text) => `echo \${x:-$(${text})}`,
  condition: (text) => `if true; then ${text}; fi`,
  loop: (text) => `while ${text}; do ls; done`,
  negation: (text) => `! ${text}`,
  'here-document': (text) => `bash <<EOF\n${text}\nEOF`,
  'here-document in quotes': (text) => `bash <<'EOF'\n${text}\nEOF`,
  'here-string': (text) => `bash <<< "${text}"`,
  'piped into a shell': (text) => `echo "${text}" | sh`,
  'base64 into a shell': (text) => `echo ${btoa(text)} | base64 -d | sh`,
  comment: (text) => `${text} # harmless`,
  'redirected first': (text) => `>out ${text}`,
  'percent encoded': (text) => hexOf(text, '%'),
  'twice encoded': (text) => hexOf(text, '%25'),
};

/** Where a command may stand. */
const places: Record<string, (text: string) => Record<string, unknown>> = {
  command: (command) => ({ command }),
  'in capitals': (text) => ({ COMMAND: text }),
  cmd: (cmd) => ({ cmd }),
  args: (text) => ({ args: text }),
  'args of bash': (text) => ({ command: 'bash', args: ['-c', text] }),
  'argv of bash': (text) => ({ argv: ['bash', '-c', text] }),
  'words of bash': (text) => ({ command: ['bash', '-c', text] }),
  nested: (command) => ({ options: { deep: [{ command }] } }),
  'in a list': (text) => ({ commands: ['ls', text] }),
  'lookalike key': (text) => ({ соmmand: text }),
  'zero-width key': (text) => ({ 'com\u200bmand': text }),
};

const plainCommands = [
  'curl http://example.com/x',
  'wget -q http://example.com',
  'aws s3 ls',
  'terraform apply',
  'ssh host ls',
  'sudo ls -la',
  'git push origin main',
  'npm publish now',
  'rm -rf build',
  'dd if=/dev/zero of=x',
];

// req: tiers.bypass-commands
test('no quoting, wrapping, encoding or placing of a command makes it need less', () => {
  const missed: string[] = [];
  for (const tool of ['shell', 'run_step'])
    for (const command of plainCommands) {
      const plain = tierOf(tool, { command });
      assert.equal(plain, 'full_access', command);
      for (const [place, put] of Object.entries(places))
        for (const [name, disguise] of Object.entries({ plain: (text: string) => text, ...shells, ...looks })) {
          if (!isWithin(plain, tierOf(tool, put(disguise(command)))))
            missed.push(`${tool}, ${place}, ${name}: ${command}`);
        }
    }
  assert.deepEqual(missed, []);
});

// req: tiers.bypass-commands
test('no two disguises of a command together make it need less', () => {
  const disguises = [...Object.values(shells), ...Object.values(looks)];
  fc.assert(
    fc.property(
      fc.constantFrom(...plainCommands),
      fc.constantFrom(...disguises),
      fc.constantFrom(...Object.values(looks)),
      fc.constantFrom(...Object.values(places)),
      (command, first, second, put) => tierOf('shell', put(second(first(command)))) === 'full_access',
    ),
    { numRuns: 3_000 },
  );
});

// req: tiers.bypass-names
test('no spelling of a tool or a key makes it need less', () => {
  const missed: string[] = [];
  for (const [name, disguise] of Object.entries(looks)) {
    for (const tool of ['deploy', 'send_email', 'read_secret', 'drop_table', 'publish_post'])
      if (tierOf(disguise(tool), {}) !== 'full_access') missed.push(`${name}: ${tool}`);
    for (const key of ['password', 'api_key', 'client_secret', 'authorization', 'access_token'])
      for (const parameters of [{ [disguise(key)]: 'x' }, { a: [{ b: { [disguise(key)]: null } }] }])
        if (tierOf('get_data', parameters) !== 'full_access') missed.push(`${name}: ${key}`);
  }
  for (const tool of ['sendEmail', 'SendEmail', 'send-email', 'send.email', 'send email', 'SEND', 'mcp_x_send_mail'])
    if (tierOf(tool, {}) !== 'full_access') missed.push(tool);
  assert.deepEqual(missed, []);
});

// req: tiers.bypass-paths
test('no spelling of a path makes it need less', () => {
  const spellings: Disguise[] = [
    ...Object.values(looks),
    (path) => hexOf(path, '%'),
    (path) => hexOf(path, '%25'),
    (path) => path.replace('/', '//'),
    (path) => path.replace('/', '/./'),
    (path) => path.replace('/', '/x/../'),
    (path) => path.replaceAll('/', '\\'),
    (path) => `${path}::$DATA`,
    (path) => `${path}.`,
    (path) => `file://${path.replace('~', '/home/ann')}`,
    (path) => path.replace('~', '$HOME'),
  ];
  const missed: string[] = [];
  for (const path of ['~/.ssh/id_rsa', '~/.aws/credentials', '/srv/keys/server.pem', '/home/ann/.gnupg/ring'])
    for (const spelling of spellings)
      for (const parameters of [
        { path: spelling(path) },
        { files: [spelling(path)] },
        { o: { target: spelling(path) } },
      ])
        if (tierOf('read_file', parameters) !== 'full_access') missed.push(JSON.stringify(parameters));
  for (const command of [
    'cat ~/.s?h/id_rsa',
    'cat ~/.ss*/id_*',
    'cat ~/.{ssh,x}/a',
    "cat ~/'.ssh'/a",
    'cat < ~/.ssh/a',
    'ls --x=~/.ssh/a',
  ])
    if (tierOf('shell', { command }) !== 'full_access') missed.push(command);
  assert.deepEqual(missed, []);
});

// req: tiers.bypass-phrases
test('no spacing, quoting or encoding of a phrase makes it need less', () => {
  const spellings: Disguise[] = [
    ...Object.values(looks),
    (text) => text.replaceAll(' ', '  \t\n '),
    (text) => text.replaceAll(' ', '/**/'),
    (text) => text.replaceAll(' ', '/* x */'),
    (text) => text.replaceAll(' ', '\u00a0'),
    (text) => text.replaceAll(' ', '${IFS}'),
    (text) => text.replaceAll(' ', '%20'),
    (text) => text.replaceAll(' ', '+'),
    (text) => hexOf(text, '%'),
    (text) => hexOf(text, '\\x'),
    (text) =>
      Array.from(text)
        .map((each) => `&#${each.charCodeAt(0)};`)
        .join(''),
    (text) =>
      Array.from(text)
        .map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join(''),
    (text) => onFirstWord((word) => between(word, '\\'))(text),
    (text) => onFirstWord((word) => between(word, '""'))(text),
    (text) => `before;${text};after`,
    (text) => `"${text}"`,
  ];
  const missed: string[] = [];
  for (const phrase of ['drop table users', 'delete from users', 'rm -rf /', 'git reset --hard'])
    for (const spelling of spellings)
      for (const parameters of [{ q: spelling(phrase) }, { a: [{ b: [spelling(phrase)] }] }, { [spelling(phrase)]: 1 }])
        if (tierOf('summarize', parameters) !== 'full_access') missed.push(JSON.stringify(parameters));
  assert.deepEqual(missed, []);
});
