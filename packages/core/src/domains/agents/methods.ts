import { fail, type agents } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { LogStream } from './log-file.ts';
import type { AgentService } from './service.ts';
import { visibleTo } from './view.ts';

const defaultTailLines = 100;
const defaultWaitSecs = 30;
const defaultDrainSecs = 30;
const bothStreams: readonly LogStream[] = ['stdout', 'stderr'];

export function agentMethods(service: AgentService, hasStrictRoles: () => boolean): Handlers<typeof agents> {
  /** A command of the host is never an agent's to name (its access sees to that), and under strict roles only a host's. */
  const mayNameCommands = ({ role }: Connection, method: string): void => {
    if (role === 'host' || !hasStrictRoles()) return;
    throw fail('forbidden', `Cannot call ${method}: needs the host role (this connection is ${role})`, {
      data: { role },
    });
  };
  return {
    'agents.list': async (_params, { connection }) =>
      (await service.list()).map((agent) => visibleTo(agent, connection)),
    'agents.upsert': ({ command, interpreter, ...input }, { connection }) => {
      mayNameCommands(connection, 'agents.upsert');
      return service.upsert(input, command ?? undefined, interpreter ?? undefined);
    },
    'agents.install': async (manifest, { connection }) => {
      mayNameCommands(connection, 'agents.install');
      const { missing, agent, signature } = await service.install(manifest);
      return { report: { missingOptional: missing }, agent: agent ?? null, signature };
    },
    'agents.health': () =>
      service.health().map(({ id, command, problem }) => ({
        id,
        command,
        ok: problem === undefined,
        ...(problem !== undefined && { reason: problem }),
      })),
    'agents.remove': async ({ id }) => ({ removed: await service.remove(id) }),
    'agents.start': ({ id }) => service.start(id),
    'agents.stop': ({ id, signal }) => service.stop(id, signal ?? 'term'),
    'agents.restart': ({ id }) => service.restart(id),
    'agents.drain': ({ ids, timeout_secs }) =>
      service.drain(ids ?? undefined, (timeout_secs ?? defaultDrainSecs) * 1_000),
    'agents.wait': async ({ id, targets, timeout_secs }, { connection, signal }) => {
      const timeoutMs = (timeout_secs ?? defaultWaitSecs) * 1_000;
      return visibleTo(await service.wait(id, targets ?? ['running'], timeoutMs, signal), connection);
    },
    'agents.tail_log': async ({ id, n, lines, stream, offset }, { connection }) => {
      checkMayRead(connection, id);
      const streams = stream == null || stream === 'combined' ? bothStreams : [stream];
      const { stdout, stderr, stdoutPath, stderrPath } = await service.tail(
        id,
        streams,
        n ?? lines ?? defaultTailLines,
        offset ?? 0,
      );
      return {
        lines: [...stdout.lines, ...stderr.lines],
        stdout: stdout.lines,
        stderr: stderr.lines,
        stdout_total: stdout.total,
        stderr_total: stderr.total,
        stdout_path: stdoutPath,
        stderr_path: stderrPath,
        more: stdout.hasMore || stderr.hasMore,
      };
    },
    'agents.watch_log': ({ id, n, after }, { connection }) => {
      checkMayRead(connection, id);
      const { hasMore, ...start } = service.watchLog(connection, { id, count: n, after: after ?? undefined });
      return { ...start, more: hasMore };
    },
    'agents.unwatch_log': ({ id }, { connection }) => ({ removed: service.logs.unwatch(connection, id) }),
    'agents.watch': ({ after }, { connection }) => {
      const { agents, ...start } = service.watch(connection, after ?? undefined);
      return { ...start, ...(agents && { agents: agents.map((agent) => visibleTo(agent, connection)) }) };
    },
    'agents.unwatch': (_params, { connection }) => ({ removed: service.feed.unwatch(connection) }),
  };
}

function checkMayRead({ role, agentId }: Connection, id: string): void {
  if (role === 'agent' && agentId !== id)
    throw fail('forbidden', `Cannot read the log of agent ${JSON.stringify(id)}: an agent reads its own`, {
      data: { role },
    });
}
