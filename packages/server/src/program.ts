// car-server as a program: settings, log, the ready line, exit status.
import { readFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '@car-runtime/core';
import { loadConfig, type Config } from './config/load-config.ts';
import { ConfigError, StartError } from './errors.ts';
import { createLog, type Log } from './log/log.ts';
import { pruneSecondaryLogs } from './log/prune-logs.ts';
import { oneLine } from './log/safe-line.ts';
import { isLoopback } from './loopback.ts';
import { refuseOpenHost } from './server-settings.ts';
import { startServer, type RunningServer } from './start-server.ts';
import { stopOnSignals } from './stop-signals.ts';
import type { SpanExporter } from './telemetry/span-exporter.ts';

export async function runProgram(args: readonly string[]): Promise<void> {
  try {
    await run(args);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
    fail(error);
  }
}

async function run(args: readonly string[]): Promise<void> {
  const config = await loadConfig({ args, env: process.env });
  const { orders } = config;
  if (orders.help || orders.version || orders.printConfig) process.stdout.write(await answerOf(config));
  else await serve(config);
}

async function answerOf(config: Config): Promise<string> {
  if (config.orders.version) return `car-server ${version}\n`;
  const { configText, helpText } = await import('./config/show-config.ts');
  return config.orders.help ? helpText() : configText(config);
}

async function serve(config: Config): Promise<void> {
  const { host, no_auth } = config.values;
  // Before any warning about a daemon that will not be.
  refuseOpenHost({ host, isAuthRequired: !no_auth });
  const log = await createLog({ level: config.values['log.level'] });
  const authToken = takeAuthToken(config, log);
  for (const line of notesOn(config)) log.logger.warn({}, line);
  const spanExporter = await openSpanExporter(log);
  const running = await startServer({ ...toServerOptions(config, authToken, log), spanExporter });
  for (const token of Object.values(running.tokens ?? {})) log.hide(token);
  openLogFile(log, running, config);
  stopOnSignals(running, log);
  const { ws, http, socket, stateRoot, isPrimary } = running;
  log.logger.info(
    { version, ws, http, socket, state_root: stateRoot, primary: isPrimary, auth: running.tokens !== undefined },
    'ready',
  );
  announce(running, config.orders.readyJson);
}

/** Any of them asks for the export; the rest of the variables only say how. */
const telemetryVariables = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_TRACES_EXPORTER',
];

async function openSpanExporter({ logger, hide }: Log): Promise<SpanExporter | undefined> {
  if (!telemetryVariables.some((name) => process.env[name]?.trim())) return undefined;
  const { openTelemetry } = await import('./telemetry/index.ts');
  return openTelemetry({ env: process.env, logger, hide });
}

function toServerOptions(
  { values, stateRoot, socketPath, tokenFolder, file }: Config,
  authToken: string | undefined,
  log: Log,
) {
  const staleSeconds = values['chat.stale_after_seconds'];
  return {
    stateRoot,
    socketPath: process.platform === 'win32' ? null : socketPath,
    tokenFolder,
    host: values.host,
    port: values.port,
    ...(values.journal_dir !== undefined && { journalDir: values.journal_dir }),
    ...(values.agents_manifest !== undefined && { agentsManifest: values.agents_manifest }),
    agentLogLimits: {
      maxBytes: values['agents.log_max_bytes'],
      maxFiles: values['agents.log_max_files'],
      totalBytes: values['agents.logs_total_bytes'],
    },
    agentStopGraceMs: values['agents.stop_grace_seconds'] * 1_000,
    chat: {
      ackTimeoutMs: values['chat.ack_timeout_seconds'] * 1_000,
      resumeGraceMs: values['chat.resume_grace_seconds'] * 1_000,
      ...(staleSeconds !== undefined && { staleAfterMs: staleSeconds * 1_000 }),
    },
    acpAgents: values['external.acp'],
    trustedSkillSigners: values.trusted_skill_signers,
    communitySkillCeiling: values['skills.community_ceiling'] === 'none' ? null : values['skills.community_ceiling'],
    memoryUtility: { weight: values['memory.utility_weight'], exploration: values['memory.utility_exploration'] },
    ...(values.tool_root !== undefined && { toolRoot: values.tool_root }),
    privatePaths: file === undefined ? [] : [file],
    hasStrictRoles: values.strict_roles,
    requiresHandshake: values.require_handshake,
    approvalGate: { enabled: !values.no_approvals },
    isAuthRequired: !values.no_auth,
    ...(authToken !== undefined && { authToken }),
    servesAuthToken: values.insecure_serve_auth_token,
    allowHosts: values.allow_host,
    allowOrigins: values.allow_origin,
    handlerTimeoutMs: values.handler_timeout_seconds * 1_000,
    toolTimeoutMs: values.tool_timeout_seconds * 1_000,
    journalRetention: { maxFiles: values['journals.max_files'], maxAgeDays: values['journals.max_age_days'] },
    runRetention: { maxPerAgent: values['runs.max_per_agent'], maxAgeDays: values['runs.max_age_days'] },
    runDurability: values['runs.durability'],
    limits: {
      maxFrameBytes: values['limits.max_frame_bytes'],
      maxJsonDepth: values['limits.max_json_depth'],
      maxBatch: values['limits.max_batch'],
      maxInFlight: values['limits.max_in_flight'],
      softQueueBytes: values['limits.soft_queue_bytes'],
      hardQueueBytes: values['limits.hard_queue_bytes'],
      maxConnections: values['limits.max_connections'],
      maxUnauthenticated: values['limits.max_unauthenticated'],
      maxUnauthenticatedPerAddress: values['limits.max_unauthenticated_per_address'],
      maxUnauthenticatedBytes: values['limits.max_unauthenticated_bytes'],
      upgradeTimeoutMs: values['limits.upgrade_timeout_ms'],
      authTimeoutMs: values['limits.auth_timeout_ms'],
    },
    logger: log.logger,
  };
}

/** The daemon token that was given, if any. It leaves the environment, so that no child process inherits it. */
function takeAuthToken({ values, sources }: Config, log: Log): string | undefined {
  delete process.env['CAR_AUTH_TOKEN'];
  delete process.env['CAR_AUTH_TOKEN_FILE'];
  if (values.no_auth) return undefined;
  const token = values.auth_token_file === undefined ? values.auth_token : takeTokenFile(values.auth_token_file, log);
  if (token === undefined) return undefined;
  log.hide(token);
  if (sources.get('auth_token') === '--auth-token')
    log.logger.warn({}, '--auth-token shows the token to everybody who can list processes; prefer --auth-token-file');
  if (token.length < 22) log.logger.warn({}, 'the daemon token is shorter than 22 characters and may be guessed');
  return token;
}

/** Reads a one-time file and deletes it. */
function takeTokenFile(path: string, log: Log): string {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
    if (process.geteuid && statSync(path).mode & 0o077) log.logger.warn({ path }, 'others could read the token file');
  } catch (error) {
    throw new ConfigError(`Cannot read the token file ${path}: ${(error as Error).message}`, { cause: error });
  }
  if (token === '') throw new ConfigError(`The token file ${path} is blank`);
  try {
    unlinkSync(path);
  } catch (error) {
    log.logger.warn({ err: error, path }, 'the token file could not be deleted');
  }
  return token;
}

/** What the user should know about the settings: nothing that was asked for is silently left out. */
function* notesOn({ values, sources, orders, warnings }: Config): Generator<string> {
  yield* warnings;
  if (orders.requireAuth) yield '--require-auth is deprecated and has no effect: authentication is always on';
  if (values.mcp_bind !== undefined && values.mcp_bind !== 'disabled')
    yield `${sources.get('mcp_bind')}: there is no MCP listener in this version`;
  if (values.a2a_bind !== undefined) yield `${sources.get('a2a_bind')}: there is no A2A listener in this version`;
  if (values.no_approvals) yield `${sources.get('no_approvals')}: high-risk methods run without asking anybody`;
  if (!isLoopback(values.host))
    yield `listening on ${values.host} without encryption: tokens and traffic can be read on the way; put a TLS proxy in front`;
  if (values.no_auth) yield 'authentication is off: every program on this machine has full access';
  if (values.insecure_serve_auth_token) yield 'the daemon token is served over HTTP to every program on this machine';
}

/** A secondary daemon has a log of its own: two processes cannot rotate one file. */
function openLogFile(log: Log, { stateRoot, isPrimary, port, state }: RunningServer, { values }: Config): void {
  const folder = join(stateRoot, 'logs');
  log.openFile(join(folder, isPrimary ? 'car-server.log' : `car-server-${port}.log`), {
    maxBytes: values['log.max_bytes'],
    maxFiles: values['log.max_files'],
    onProblem: (error) => state.health.degrade('log', error.message),
    onRecovered: () => state.health.recover('log'),
  });
  if (!isPrimary) pruneSecondaryLogs(folder, values['log.max_files']);
}

function announce({ ws, http, socket, stateRoot }: RunningServer, asJson: boolean): void {
  const { pid, stdout } = process;
  const facts = { ready: true, ws, http, socket, mcp: null, pid, state_root: stateRoot };
  const line = asJson
    ? JSON.stringify(facts)
    : `car-server ready ws=${ws} http=${http} socket=${socket ?? 'none'} state_root=${stateRoot} pid=${pid}`;
  // Whoever waited for the line may be gone; the daemon serves others too.
  stdout.on('error', () => undefined);
  stdout.write(`${line}\n`);
}

function fail(error: Error): void {
  process.stderr.write(`car-server: ${oneLine(error.message)}\n`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}
