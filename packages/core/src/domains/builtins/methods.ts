import { isAbsolute } from 'node:path';
import { fail, type agentBasics, type substrate } from '@car-runtime/protocol';
import type { ToolRegistry, ToolSchema } from '@car-runtime/engine';
import { JobError } from '../../infra/job-worker.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import { callingEngine } from '../../kernel/engine-errors.ts';
import { builtinTools } from './definitions.ts';
import type { Builtins } from './index.ts';
import type { Binding, FileSubstrate } from './substrates.ts';

export function builtinMethods(
  builtins: Builtins,
  registryOf: (connection: Connection) => ToolRegistry,
): Handlers<typeof agentBasics & typeof substrate> {
  const { substrates, sandboxes } = builtins.options;
  const bind = async (connection: Connection, binding: Binding, bound: FileSubstrate) => {
    await binding.replace(bound);
    addTools(registryOf(connection), bound.tools);
    return { bound: true as const, substrate: bound.name };
  };
  return {
    'agents.register_basics': async ({ root }, { connection }) => {
      if (root !== undefined) await chooseRoot(builtins, connection, root);
      addTools(registryOf(connection));
      return null;
    },
    'session.bindSubstrate': async ({ connector }, { connection, signal }) => {
      const binding = builtins.bindingOf(connection);
      const bound = isSlug.test(connector) ? await substrates?.open(connector, signal) : undefined;
      if (!bound) {
        const data = { reason: 'not_connected', connector };
        throw fail('failed', `connector '${connector}' is not connected`, { data });
      }
      return await bind(connection, binding, bound);
    },
    'session.bindSandbox': async (params, { connection, signal }) => {
      const { working_dir, pids_limit: pidsLimit, command_timeout_secs: commandTimeoutSecs } = params;
      mayName(builtins, connection, 'session.bindSandbox');
      if (!sandboxes) {
        throw fail(
          'failed',
          'Cannot bind a sandbox: it needs a Docker engine, and this daemon has no provider for one',
          {
            data: { reason: 'sandbox_unavailable', missing: 'docker' },
          },
        );
      }
      const { image, network, memory, cpus } = params;
      const binding = builtins.bindingOf(connection);
      const workingDir = await naming(working_dir, builtins.findExposed(working_dir));
      const options = { workingDir, image, network, memory, cpus, pidsLimit, commandTimeoutSecs };
      const bound = await sandboxes.open(options, signal);
      return await bind(connection, binding, bound);
    },
  };
}

/** Slugs of connectors; nothing else is looked up. */
const isSlug = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** A tool of the same name that the client registered stays: the client is asked first. */
function addTools(registry: ToolRegistry, more: readonly ToolSchema[] = []): void {
  const missing = [...builtinTools, ...more].filter(({ name }) => !registry.has(name));
  callingEngine(() => missing.forEach((tool) => registry.add(tool)));
}

async function chooseRoot(builtins: Builtins, connection: Connection, root: string): Promise<void> {
  // Narrowing the daemon's own root gives away nothing; any other folder is for those who may name paths.
  if (isAbsolute(root)) mayName(builtins, connection, 'agents.register_basics with an absolute root');
  await naming(root, builtins.sessionOf(connection).setRoot(root));
}

/** Awaits what is done with a folder that the caller named; what is wrong with the folder becomes the caller's error. */
async function naming<T>(folder: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    const message = `Cannot use folder ${JSON.stringify(folder)}: ${error.message}`;
    throw fail('failed', message, { data: { reason: 'bad_folder' }, cause: error });
  }
}

/** A path of the host is never an agent's to name, and under strict roles only a host's. */
function mayName({ options }: Builtins, { role }: Connection, what: string): void {
  if (role === 'host' || (role !== 'agent' && !options.hasStrictRoles())) return;
  const why = role === 'agent' ? 'not available to agents' : 'needs the host role';
  throw fail('forbidden', `Cannot call ${what}: ${why} (this connection is ${role})`, { data: { role } });
}
