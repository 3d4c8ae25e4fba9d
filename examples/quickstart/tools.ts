// Four real tools. They read the repository and write into the state root, and nowhere else.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';

/** A path below `root`, or an error: what comes from a plan is never trusted as a path. */
function inside(root: string, path: string): string {
  const full = resolve(root, path);
  if (full !== root && !full.startsWith(root + sep)) throw new Error(`Cannot use "${path}": outside ${root}`);
  return full;
}

const text = { type: 'string' };

interface ExampleTool {
  name: string;
  description: string;
  /** JSON Schema of the parameters. The daemon checks them before it calls, so `run` may trust their types. */
  schema: Record<string, unknown>;
  run(parameters: never): unknown;
}

export function createTools(repository: string, home: string): ExampleTool[] {
  return [
    {
      name: 'list_files',
      description: 'Files of a folder that end in a suffix',
      schema: { type: 'object', properties: { folder: text, suffix: text }, required: ['folder', 'suffix'] },
      run: async ({ folder, suffix }: { folder: string; suffix: string }) => {
        const names = await readdir(inside(repository, folder));
        return names.filter((name) => name.endsWith(suffix)).map((name) => `${folder}/${name}`);
      },
    },
    {
      name: 'read_file',
      description: 'Text of a file',
      schema: { type: 'object', properties: { path: text }, required: ['path'] },
      run: ({ path }: { path: string }) => readFile(inside(repository, path), 'utf8'),
    },
    {
      name: 'count_words',
      description: 'Number of words in a text',
      schema: { type: 'object', properties: { text }, required: ['text'] },
      run: ({ text: words }: { text: string }) => words.split(/\s+/).filter(Boolean).length,
    },
    {
      name: 'write_report',
      description: 'Write a report and return its path',
      schema: {
        type: 'object',
        properties: {
          files: { type: 'array', items: text },
          counts: { type: 'object', additionalProperties: { type: 'number' } },
        },
        required: ['files', 'counts'],
      },
      run: async ({ files, counts }: { files: string[]; counts: Record<string, number> }) => {
        const lines = Object.entries(counts).map(([name, count]) => `- ${name}: ${count} words`);
        const path = join(home, 'report.md');
        await writeFile(path, `# Report\n\n${files.length} documents: ${files.join(', ')}\n\n${lines.join('\n')}\n`);
        return relative(home, path);
      },
    },
  ];
}
