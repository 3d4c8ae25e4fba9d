// A check for a prompt, told from files that name a project's own verifier. Reading is all that happens: below the given
// folder, a few small files, and nothing of them is run (Agents, Goals).
import { isAbsolute } from 'node:path';
import { fail } from '@car-runtime/protocol';
import { canonicalFolder, RootedFiles } from '../../infra/rooted-files.ts';
import { PathProblem } from '../../infra/rooted-path.ts';
import { pathsIn, quoted, wantsFile } from './prompt.ts';
import type { CheckedGoal } from './service.ts';
import { verifiersIn, type Verifier } from './verifiers.ts';

const iterations = 8;
const maxPathsTried = 16;

export interface Suggestion {
  suggested: boolean;
  goal: CheckedGoal | null;
  confidence: 'high' | 'medium' | 'none';
  rationale: string;
  signals: string[];
  warnings: string[];
}

/** What the project around a path says. */
interface Found {
  /** Relative to the folder that was given; `.` for itself. */
  place: string;
  verifiers: Verifier[];
}

export function suggestGoal(prompt: string, folder: string | undefined): Suggestion {
  const named = pathsIn(prompt).slice(0, maxPathsTried);
  const created = wantsFile(prompt) ? named.find(isFileName) : undefined;
  if (folder === undefined) {
    const warning = 'no working_dir was given, so no project was looked at';
    return created === undefined ? none([warning]) : existence(created, undefined, [warning]);
  }
  using files = openRoot(folder);
  const found = nearest(files, named) ?? { place: '.', verifiers: [] };
  const { place, verifiers } = found;
  const [verifier, ...others] = verifiers;
  const doesExist = created !== undefined && isThere(files, created);
  if (!verifier) {
    if (created === undefined) return none([]);
    return doesExist
      ? none([`${created} exists already, so that it does says nothing`])
      : existence(created, folder, []);
  }
  const run = place === '.' ? verifier.check : `cd ${quoted(place)} && ${verifier.check}`;
  const needsFile = created !== undefined && !doesExist;
  const check = needsFile ? `test -f ${quoted(created)} && ${place === '.' ? run : `(${run})`}` : run;
  return {
    suggested: true,
    goal: { check, max_iterations: iterations, working_dir: folder },
    confidence: verifier.confidence,
    rationale: `${verifier.why}${needsFile ? `, and the prompt asks for ${created}` : ''}`,
    signals: verifiers.flatMap(({ signals }) => signals.map((name) => (place === '.' ? name : `${place}/${name}`))),
    warnings: others.map(({ signals: [name] }) => `${name} names a check too, which this one leaves out`),
  };
}

function existence(path: string, folder: string | undefined, warnings: string[]): Suggestion {
  return {
    suggested: true,
    goal: {
      check: `test -f ${quoted(path)}`,
      max_iterations: iterations,
      ...(folder !== undefined && { working_dir: folder }),
    },
    confidence: 'medium',
    rationale: `the prompt asks for ${path}, and no project says how to check more`,
    signals: [path],
    warnings: [...warnings, 'this checks that the file is there, not what is in it'],
  };
}

function none(warnings: string[]): Suggestion {
  const rationale = 'nothing here says for certain whether the goal is met';
  return { suggested: false, goal: null, confidence: 'none', rationale, signals: [], warnings };
}

/** The folder nearest to a named path that says how to check it; that of the first path for which there is one. */
function nearest(files: RootedFiles, named: readonly string[]): Found | undefined {
  const seen = new Set<string>();
  for (const path of [...named, '.']) {
    const names = path === '.' ? [] : path.split('/');
    for (let length = names.length; length >= 0; length--) {
      const place = names.slice(0, length).join('/') || '.';
      // The folder that was given comes last, for all of them.
      if ((place === '.' && path !== '.') || seen.has(place)) continue;
      seen.add(place);
      const verifiers = look(files, place);
      if (verifiers.length > 0) return { place, verifiers };
    }
  }
  return undefined;
}

function look(files: RootedFiles, place: string): Verifier[] {
  try {
    using folder = files.openFolder(place === '.' ? '' : place);
    return verifiersIn(folder);
  } catch (error) {
    // Not there, no folder, or a way out: it says nothing.
    if (error instanceof PathProblem) return [];
    throw error;
  }
}

function isThere(files: RootedFiles, path: string): boolean {
  try {
    using place = files.locate(path);
    return place.info !== undefined;
  } catch (error) {
    if (error instanceof PathProblem) return false;
    throw error;
  }
}

function openRoot(folder: string): RootedFiles {
  if (!isAbsolute(folder) || folder.includes('\0'))
    throw fail('invalid_params', `working_dir must be an absolute path, got ${JSON.stringify(folder)}`);
  try {
    return RootedFiles.open(canonicalFolder(folder));
  } catch (error) {
    if (!(error instanceof PathProblem)) throw error;
    throw fail('failed', `Cannot look at working_dir ${JSON.stringify(folder)}: ${error.message}`, {
      data: { reason: 'unusable_working_dir' },
      cause: error,
    });
  }
}

function isFileName(path: string): boolean {
  return /\.[A-Za-z0-9]+$/.test(path) || /(?:^|\/)(?:Makefile|Dockerfile|README|LICENSE)$/.test(path);
}
