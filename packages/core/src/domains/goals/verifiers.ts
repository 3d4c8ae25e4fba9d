// Files that say how a project is checked. Commands are ours, never text of a file: a project chooses among them only.
import type { Folder } from '../../infra/rooted-folder.ts';
import { PathProblem } from '../../infra/rooted-path.ts';

export interface Verifier {
  check: string;
  confidence: 'high' | 'medium';
  /** Names in the folder. */
  signals: string[];
  why: string;
}

const maxEntries = 2_000;
const maxFileBytes = 256 * 1024;

type Names = ReadonlySet<string>;
type Rule = (names: Names, folder: Folder) => Verifier | undefined;

/** Those that apply to a folder, the most telling first. */
export function verifiersIn(folder: Folder): Verifier[] {
  const { entries } = folder.list(maxEntries);
  const names = new Set(entries.flatMap(({ name, kind }) => (kind === 'file' || kind === 'directory' ? [name] : [])));
  return rules.flatMap((rule) => rule(names, folder) ?? []);
}

function byName(name: string, check: string, confidence: Verifier['confidence'] = 'high'): Rule {
  return (names) => (names.has(name) ? verifier(check, confidence, name) : undefined);
}

const rules: readonly Rule[] = [
  byName('Cargo.toml', 'cargo test -q'),
  (names, folder) => {
    if (!names.has('package.json')) return undefined;
    const script = scriptOf(folder, 'package.json', 'test');
    // What npm writes into a new package fails always, and says nothing.
    if (script === undefined || script.includes('no test specified')) return undefined;
    const [manager, lock] = packageManagers.find(([, file]) => names.has(file)) ?? ['npm'];
    return verifier(manager === 'npm' ? 'npm test --silent' : `${manager} test`, 'high', 'package.json', lock);
  },
  (names) => {
    const name = ['pyproject.toml', 'setup.py'].find((each) => names.has(each));
    return name === undefined
      ? undefined
      : verifier('python -m pytest -q', names.has('tests') ? 'high' : 'medium', name);
  },
  byName('go.mod', 'go test ./...'),
  byName('Package.swift', 'swift test'),
  byName(
    'CMakeLists.txt',
    'cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure',
    'medium',
  ),
  (names) => {
    const name = ['build.gradle', 'build.gradle.kts'].find((each) => names.has(each));
    return name === undefined
      ? undefined
      : verifier(names.has('gradlew') ? './gradlew test' : 'gradle test', 'high', name);
  },
  (names) =>
    names.has('pom.xml')
      ? verifier(names.has('mvnw') ? './mvnw -q test' : 'mvn -q test', 'high', 'pom.xml')
      : undefined,
  (names) => {
    const name =
      [...names].find((each) => each.endsWith('.sln')) ?? [...names].find((each) => each.endsWith('.csproj'));
    return name === undefined ? undefined : verifier('dotnet test', 'high', name);
  },
  (names, folder) => {
    if (!names.has('composer.json')) return undefined;
    if (scriptOf(folder, 'composer.json', 'test') !== undefined)
      return verifier('composer test', 'high', 'composer.json');
    const config = ['phpunit.xml', 'phpunit.xml.dist'].find((each) => names.has(each));
    return config === undefined ? undefined : verifier('vendor/bin/phpunit', 'medium', 'composer.json', config);
  },
  (names) => {
    if (!names.has('Gemfile')) return undefined;
    if (names.has('spec')) return verifier('bundle exec rspec', 'high', 'Gemfile', 'spec');
    return names.has('Rakefile') ? verifier('bundle exec rake test', 'medium', 'Gemfile', 'Rakefile') : undefined;
  },
  byName('mix.exs', 'mix test'),
  (names, folder) => {
    const name = ['GNUmakefile', 'makefile', 'Makefile'].find((each) => names.has(each));
    const text = name === undefined ? undefined : readSmall(folder, name);
    return name !== undefined && text !== undefined && /^test[ \t]*::?(?!=)/m.test(text)
      ? verifier('make test', 'high', name)
      : undefined;
  },
];

const packageManagers = [
  ['pnpm', 'pnpm-lock.yaml'],
  ['yarn', 'yarn.lock'],
  ['bun run', 'bun.lock'],
  ['bun run', 'bun.lockb'],
] as const;

function verifier(check: string, confidence: Verifier['confidence'], ...signals: (string | undefined)[]): Verifier {
  const names = signals.filter((name) => name !== undefined);
  return {
    check,
    confidence,
    signals: names,
    why: `${names.join(' and ')} ${names.length > 1 ? 'say' : 'says'} how this project is checked`,
  };
}

/** A script of a manifest in JSON; nothing when it has none, or is no such file. */
function scriptOf(folder: Folder, name: string, script: string): string | undefined {
  const text = readSmall(folder, name);
  if (text === undefined) return undefined;
  try {
    const { scripts } = JSON.parse(text) as { scripts?: Record<string, unknown> };
    const found = scripts && Object.hasOwn(scripts, script) ? scripts[script] : undefined;
    return typeof found === 'string' ? found : found === undefined || found === null ? undefined : '';
  } catch {
    return undefined; // not JSON, or not an object
  }
}

function readSmall(folder: Folder, name: string): string | undefined {
  try {
    return folder.readFile(name, maxFileBytes).toString('utf8');
  } catch (error) {
    if (error instanceof PathProblem) return undefined;
    throw error;
  }
}
