// The programs of the server with all they need, in few files: starting from many takes twice as long.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

/** A source that is not imported but started by its address, as worker threads are: `new URL('./x.ts', import.meta.url)`. */
export const sourceByUrl = /new URL\((['"])(\.[^'"]+)\.ts\1, import\.meta\.url\)/g;

/** Writes the programs to `folder`, what they load on demand beside them, and answers the licences of what is in them. */
export async function bundle(programs: string[], folder: string): Promise<string> {
  const build = await rolldown({
    input: programs,
    platform: 'node',
    // What `ws` uses where it happens to be installed.
    external: ['bufferutil', 'utf-8-validate'],
    plugins: [bundleSourcesByUrl],
  });
  // Comments would be read at every start; the licences among them are answered.
  const { output } = await build.write({ dir: folder, format: 'esm', comments: false });
  await build.close();
  return licencesOf(output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : [])));
}

/** Makes a program of its own of each source that is started by its address. */
const bundleSourcesByUrl: Plugin = {
  name: 'sources-by-url',
  transform(code, id) {
    return code.replaceAll(sourceByUrl, (_whole, _quote, path: string) => {
      const program = this.emitFile({ type: 'chunk', id: join(id, '..', `${path}.ts`) });
      return `new URL(import.meta.ROLLUP_FILE_URL_${program})`;
    });
  },
};

/** The licences of the libraries that these files belong to. */
function licencesOf(files: string[]): string {
  const homes = new Set(files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  const licences = [...homes].toSorted().map((home) => {
    const { name, version, license } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    const [text] = globSync('{LICENSE,LICENCE,license}*', { cwd: home });
    if (text === undefined) throw new Error(`${home} has no licence to hand on`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(home, text), 'utf8').trim()}\n`;
  });
  return licences.join(`\n${'-'.repeat(80)}\n\n`);
}
