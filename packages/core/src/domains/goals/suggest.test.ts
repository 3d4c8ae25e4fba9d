import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { serve, TempFolder } from '@car-runtime/testkit';
import { suggestGoal } from './suggest.ts';

/** A folder with files; a name that ends with a slash is a folder. */
function project(files: Readonly<Record<string, string>>): TempFolder {
  const folder = new TempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(folder.join(name)), { recursive: true });
    if (name.endsWith('/')) mkdirSync(folder.join(name), { recursive: true });
    else writeFileSync(folder.join(name), text);
  }
  return folder;
}

const npm = '{"scripts":{"test":"node --test"}}';

// req: goal.suggest-signals
test('every kind of project is known by its files', () => {
  const cases: [Record<string, string>, string, 'high' | 'medium'][] = [
    [{ 'Cargo.toml': '' }, 'cargo test -q', 'high'],
    [{ 'package.json': npm }, 'npm test --silent', 'high'],
    [{ 'package.json': npm, 'pnpm-lock.yaml': '' }, 'pnpm test', 'high'],
    [{ 'package.json': npm, 'yarn.lock': '' }, 'yarn test', 'high'],
    [{ 'package.json': npm, 'bun.lock': '' }, 'bun run test', 'high'],
    [{ 'pyproject.toml': '', 'tests/': '' }, 'python -m pytest -q', 'high'],
    [{ 'setup.py': '' }, 'python -m pytest -q', 'medium'],
    [{ 'go.mod': '' }, 'go test ./...', 'high'],
    [{ 'Package.swift': '' }, 'swift test', 'high'],
    [
      { 'CMakeLists.txt': '' },
      'cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure',
      'medium',
    ],
    [{ 'build.gradle': '' }, 'gradle test', 'high'],
    [{ 'build.gradle.kts': '', gradlew: '' }, './gradlew test', 'high'],
    [{ 'pom.xml': '' }, 'mvn -q test', 'high'],
    [{ 'pom.xml': '', mvnw: '' }, './mvnw -q test', 'high'],
    [{ 'App.sln': '' }, 'dotnet test', 'high'],
    [{ 'App.csproj': '' }, 'dotnet test', 'high'],
    [{ 'composer.json': '{"scripts":{"test":["phpunit"]}}' }, 'composer test', 'high'],
    [{ 'composer.json': '{}', 'phpunit.xml': '' }, 'vendor/bin/phpunit', 'medium'],
    [{ Gemfile: '', 'spec/': '' }, 'bundle exec rspec', 'high'],
    [{ Gemfile: '', Rakefile: '' }, 'bundle exec rake test', 'medium'],
    [{ 'mix.exs': '' }, 'mix test', 'high'],
    [{ Makefile: 'all:\n\ntest: all\n\ttrue\n' }, 'make test', 'high'],
  ];
  for (const [files, check, confidence] of cases) {
    using folder = project(files);
    const suggestion = suggestGoal('fix the bug', folder.path);
    assert.deepEqual(suggestion.goal, { check, max_iterations: 8, working_dir: folder.path }, check);
    assert.equal(suggestion.confidence, confidence, check);
    assert.ok(
      suggestion.signals.length > 0 && suggestion.signals.every((name) => name in files || `${name}/` in files),
    );
  }
});

// req: goal.suggest-signals
test('of several signals the most telling counts, and the others are warned about', () => {
  using folder = project({ 'Cargo.toml': '', 'package.json': npm, Makefile: 'test:\n' });
  const { goal, warnings, signals } = suggestGoal('go', folder.path);
  assert.equal(goal?.check, 'cargo test -q');
  assert.deepEqual(signals, ['Cargo.toml', 'package.json', 'Makefile']);
  assert.deepEqual(
    warnings.map((text) => text.split(' ')[0]),
    ['package.json', 'Makefile'],
  );
});

// req: goal.suggest-path
test('a path in the prompt selects the nearest project, and a file to be made is part of the check', () => {
  using folder = project({
    'package.json': npm,
    'crates/core/Cargo.toml': '',
    'crates/core/src/main.rs': '',
    'my tools/go.mod': '',
  });
  const checkOf = (prompt: string) => suggestGoal(prompt, folder.path).goal?.check;
  assert.equal(checkOf('fix crates/core/src/main.rs, please'), 'cd crates/core && cargo test -q');
  assert.equal(
    checkOf('Create `crates/core/src/lib.rs`.'),
    'test -f crates/core/src/lib.rs && (cd crates/core && cargo test -q)',
  );
  assert.equal(checkOf('create crates/core/src/main.rs'), 'cd crates/core && cargo test -q');
  assert.equal(checkOf('write src/index.js with a server'), 'test -f src/index.js && npm test --silent');
  assert.equal(checkOf('look at docs/notes.md'), 'npm test --silent');
  for (const outside of [
    '/etc/hosts',
    '../other/a.rs',
    'https://example.org/a.rs',
    'C:\\a.rs',
    'file:///a.rs',
    '~/a.rs',
  ])
    assert.equal(checkOf(`create ${outside}`), 'npm test --silent', outside);
  using rust = project({ 'Cargo.toml': '' });
  assert.equal(suggestGoal('Write src/lib.rs', rust.path).goal?.check, 'test -f src/lib.rs && cargo test -q');
});

// req: goal.suggest-none
test('what says nothing for certain suggests nothing', () => {
  const nothing: [Record<string, string>, string][] = [
    [{}, 'fix the bug'],
    [{ 'a.txt': '' }, 'read a.txt'],
    [{ 'a.txt': '' }, 'create a.txt'],
    [{ 'package.json': '{}' }, 'go'],
    [{ 'package.json': '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}' }, 'go'],
    [{ 'package.json': 'not JSON' }, 'go'],
    [{ 'package.json': 'null' }, 'go'],
    [{ 'package.json/': '' }, 'go'],
    [{ Makefile: 'all:\n# test:\ntest-more:\ntest := 1\n' }, 'go'],
    [{ Gemfile: '' }, 'go'],
    [{ 'composer.json': '{}' }, 'go'],
  ];
  for (const [files, prompt] of nothing) {
    using folder = project(files);
    const { suggested, goal, confidence } = suggestGoal(prompt, folder.path);
    assert.deepEqual([suggested, goal, confidence], [false, null, 'none'], JSON.stringify(files));
  }
  using empty = project({});
  const { goal, confidence, warnings } = suggestGoal('Please write notes/today.md', empty.path);
  assert.deepEqual(goal, { check: 'test -f notes/today.md', max_iterations: 8, working_dir: empty.path });
  assert.equal(confidence, 'medium');
  assert.equal(warnings.length, 1);
  assert.deepEqual(suggestGoal('create a.txt', undefined).goal, { check: 'test -f a.txt', max_iterations: 8 });
  assert.equal(suggestGoal('fix a.txt', undefined).suggested, false);
});

// req: goal.suggest-safe
test('a suggestion reads nothing outside its folder, nothing large and nothing that is no file', () => {
  using outside = project({ 'package.json': npm, 'inner/package.json': npm });
  using folder = project({ 'real/package.json': npm });
  symlinkSync(outside.path, folder.join('link'));
  symlinkSync(outside.join('package.json'), folder.join('package.json'));
  symlinkSync('real', folder.join('alias'));
  const checkOf = (prompt: string) => suggestGoal(prompt, folder.path).goal?.check;
  assert.equal(checkOf('fix link/a.js'), undefined);
  assert.equal(checkOf('fix link/inner/a.js'), undefined);
  assert.equal(checkOf('fix real/a.js'), 'cd real && npm test --silent');
  assert.equal(checkOf('fix alias/a.js'), 'cd alias && npm test --silent');
  using large = project({ 'package.json': `{"scripts":{"test":"x"},"pad":"${'x'.repeat(300_000)}"}` });
  assert.equal(suggestGoal('go', large.path).suggested, false);
  const long = 'a/'.repeat(200_000);
  assert.equal(suggestGoal(`create ${long}`, folder.path).suggested, false);
  for (const bad of ['relative', folder.join('missing'), folder.join('real/package.json'), 'a\0b'])
    assert.throws(() => suggestGoal('go', bad), /working_dir/);
});

// req: goal.suggest-set
test('goal.suggest stores what it suggests, when asked to', async () => {
  using folder = project({ 'go.mod': '' });
  using empty = project({});
  await using daemon = serve();
  const { goal } = await daemon.connect();
  const suggestion = await goal.suggest({ objective: 'make it work', cwd: folder.path, session_id: 's', set: true });
  assert.equal(suggestion.set, true);
  assert.equal(suggestion.session_id, 's');
  assert.equal(suggestion.stored_goal?.check, 'go test ./...');
  assert.deepEqual(await goal.status({ session_id: 's' }), { session_id: 's', goal: suggestion.stored_goal });
  const none = await goal.suggest({ prompt: 'go', working_dir: empty.path, session_id: 't', set: true });
  assert.deepEqual([none.suggested, none.set], [false, undefined]);
  assert.deepEqual(await goal.status({ session_id: 't' }), { session_id: 't', goal: null });
  await assert.rejects(goal.suggest({ prompt: 'go', set: true }), { code: -32602, message: /set needs session_id/ });
  await assert.rejects(goal.suggest({}), { code: -32602, message: /prompt or objective is required/ });
});
