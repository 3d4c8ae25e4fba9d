// Every setting of the daemon, declared once: flags, variables, the file, `--help` and `--print-config` all derive from
// this table (Flags and environment).
import {
  defaultAgentLogLimits,
  defaultAgentStopGraceMs,
  defaultRunRetention,
  defaultToolTimeoutMs,
} from '@car-runtime/core/daemon';
import type { AcpAgentConfig } from '@car-runtime/core';
import { defaultLimits } from '../limits.ts';
import {
  acpAgents,
  bindAddress,
  bindAddressOrDisabled,
  boolean,
  choice,
  fraction,
  hostHeader,
  integer,
  ipAddress,
  leniently,
  listOf,
  origin,
  seconds,
  secondsUpTo,
  secret,
  skillSigner,
  text,
  type Reader,
} from './readers.ts';

export type RunDurability = 'buffered' | 'fsync';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Setting<T> {
  /** What it is when nobody says. */
  readonly fallback: T;
  readonly read: Reader<T>;
  readonly help: string;
  /** With `value` the flag takes one, under that name in the help; without it, it stands alone. */
  readonly flag?: { readonly name: string; readonly value?: string };
  readonly env?: string;
  /** May be given many times; the file has a list. */
  readonly isList?: boolean;
  /** Shown as "(set)" only, and not taken from the file. */
  readonly isSecret?: boolean;
  /** Not taken from the file for another reason. */
  readonly isNotInFile?: boolean;
  /** A path: relative ones are relative to the working directory, in the file to the file's folder. */
  readonly isPath?: boolean;
  /** A variable that cannot be read counts as absent, with a warning. */
  readonly isEnvLenient?: boolean;
}

function setting<T>(declaration: Setting<T>): Setting<T> {
  return declaration;
}

function optional<T>(declaration: Omit<Setting<T | undefined>, 'fallback'>): Setting<T | undefined> {
  return { ...declaration, fallback: undefined };
}

function limit(fallback: number, help: string, min = 1): Setting<number> {
  return { fallback, help, read: integer(min) };
}

const off = { fallback: false, read: boolean };
const none: readonly string[] = [];
const wholeNumber = integer(Number.MIN_SAFE_INTEGER);
const minFrameBytes = 1_024;
const minLogBytes = 64 * 1024;

export const settings = {
  port: setting({
    flag: { name: 'port', value: 'n' },
    fallback: 9_100,
    // One less than there are: HTTP is on the next.
    read: integer(0, 65_534),
    help: 'WebSocket port; HTTP is on the next one; 0 takes free ones',
  }),
  host: setting({
    flag: { name: 'host', value: 'ip' },
    fallback: '127.0.0.1',
    read: ipAddress,
    help: 'address to listen on',
  }),
  journal_dir: optional({
    flag: { name: 'journal-dir', value: 'path' },
    read: text,
    isPath: true,
    help: 'event journals (default <state root>/journals)',
  }),
  tool_root: optional({
    flag: { name: 'tool-root', value: 'path' },
    env: 'CAR_TOOL_ROOT',
    read: text,
    isPath: true,
    help: 'folder the built-in file tools work in, for sessions that name none',
  }),
  agents_manifest: optional({
    flag: { name: 'agents-manifest', value: 'path' },
    env: 'CAR_AGENTS_MANIFEST',
    read: text,
    isPath: true,
    help: 'specs of supervised agents (default <state root>/agents.json)',
  }),
  no_auth: setting({
    flag: { name: 'no-auth' },
    env: 'CAR_NO_AUTH',
    ...off,
    help: 'let every client in; only on a loopback address',
  }),
  auth_token: optional({
    flag: { name: 'auth-token', value: 'token' },
    env: 'CAR_AUTH_TOKEN',
    read: secret,
    isSecret: true,
    help: 'the daemon token, instead of a new one for each start',
  }),
  auth_token_file: optional({
    flag: { name: 'auth-token-file', value: 'path' },
    env: 'CAR_AUTH_TOKEN_FILE',
    read: text,
    isPath: true,
    isNotInFile: true,
    help: 'one-time file with the daemon token; read and deleted',
  }),
  insecure_serve_auth_token: setting({
    flag: { name: 'insecure-serve-auth-token' },
    ...off,
    help: 'serve the minted daemon token at GET /auth-token to programs on this machine',
  }),
  require_handshake: setting({
    flag: { name: 'require-handshake' },
    ...off,
    help: 'refuse host.subscribe and auth.* before server.handshake',
  }),
  strict_roles: setting({
    flag: { name: 'strict-roles' },
    ...off,
    help: 'keep methods that take a command, path or endpoint to the host role',
  }),
  allow_host: setting({
    flag: { name: 'allow-host', value: 'host[:port]' },
    isList: true,
    fallback: none,
    read: listOf(hostHeader),
    help: 'accept this Host header too (repeatable)',
  }),
  allow_origin: setting({
    flag: { name: 'allow-origin', value: 'origin' },
    isList: true,
    fallback: none,
    read: listOf(origin),
    help: 'let web pages of this origin connect (repeatable)',
  }),
  no_approvals: setting({
    flag: { name: 'no-approvals' },
    env: 'CAR_NO_APPROVALS',
    ...off,
    help: 'do not ask a person before high-risk methods',
  }),
  mcp_bind: optional({
    flag: { name: 'mcp-bind', value: 'ip:port' },
    env: 'CAR_MCP_BIND',
    read: bindAddressOrDisabled,
    help: 'MCP listener, or "disabled" (not available in this version)',
  }),
  a2a_bind: optional({
    flag: { name: 'a2a-bind', value: 'ip:port' },
    env: 'CAR_A2A_BIND',
    read: bindAddress,
    help: 'A2A listener (not available in this version)',
  }),
  handler_timeout_seconds: setting({
    env: 'CAR_HANDLER_TIMEOUT',
    isEnvLenient: true,
    fallback: 1_800,
    read: seconds,
    help: 'time a call may take',
  }),
  tool_timeout_seconds: setting({
    env: 'CAR_TOOL_TIMEOUT',
    isEnvLenient: true,
    fallback: defaultToolTimeoutMs / 1_000,
    read: seconds,
    help: 'time a client has to answer a tool call without a timeout of its own',
  }),
  trusted_skill_signers: setting({
    fallback: none,
    read: listOf(skillSigner),
    help: 'Ed25519 keys in base64 whose packs of skills are official',
  }),
  'agents.log_max_bytes': limit(
    defaultAgentLogLimits.maxBytes,
    'size at which a log of an agent is rotated',
    minLogBytes,
  ),
  'agents.log_max_files': limit(
    defaultAgentLogLimits.maxFiles,
    'files of each stream of an agent, the current one among them',
  ),
  'agents.logs_total_bytes': limit(
    defaultAgentLogLimits.totalBytes,
    'size of the rotated logs of all agents together',
    minLogBytes,
  ),
  'agents.stop_grace_seconds': setting({
    fallback: defaultAgentStopGraceMs / 1_000,
    read: seconds,
    help: 'time an agent has between SIGTERM and SIGKILL',
  }),
  'chat.ack_timeout_seconds': setting({
    fallback: 5,
    read: secondsUpTo(3_600),
    help: 'time an agent has to acknowledge a prompt',
  }),
  'chat.resume_grace_seconds': setting({
    fallback: 300,
    read: secondsUpTo(86_400),
    help: 'time a chat that can be resumed waits for somebody to come back',
  }),
  'chat.stale_after_seconds': optional({
    read: secondsUpTo(86_400),
    help: 'time after which a chat whose agent says nothing ends with an error (default: never)',
  }),
  'journals.max_files': limit(2_000, 'newest journals kept at start', 0),
  'journals.max_age_days': limit(30, 'days a journal is kept', 0),
  'runs.max_per_agent': setting({
    fallback: defaultRunRetention.maxPerAgent,
    read: leniently(defaultRunRetention.maxPerAgent, wholeNumber),
    help: 'newest ended runs of each agent kept at start; 0 keeps all',
  }),
  'runs.max_age_days': setting({
    fallback: defaultRunRetention.maxAgeDays,
    read: leniently(defaultRunRetention.maxAgeDays, wholeNumber),
    help: 'days a run is kept after its end; 0 keeps it for ever',
  }),
  'runs.durability': setting<RunDurability>({
    fallback: 'buffered',
    read: choice<RunDurability>('buffered', 'fsync'),
    help: 'answer once the operating system has the records of a run (buffered), or once the disk has them (fsync)',
  }),
  'skills.community_ceiling': setting<'none' | 'read_only' | 'sandbox_edit'>({
    fallback: 'read_only',
    read: choice('none', 'read_only', 'sandbox_edit'),
    help: 'most that a scanned skill without a signature may do',
  }),
  'memory.utility_weight': setting({
    fallback: 0,
    read: fraction(1),
    help: 'how much the order of facts follows how they were rated',
  }),
  'memory.utility_exploration': setting({
    fallback: 0,
    read: fraction(4),
    help: 'how much facts that were rated seldom are preferred there',
  }),
  'external.acp': setting<Readonly<Record<string, AcpAgentConfig>>>({
    fallback: {},
    read: acpAgents,
    help: 'agents that speak ACP: [external.acp.<id>] with command, args and env',
  }),
  'log.level': setting<LogLevel>({
    flag: { name: 'log-level', value: 'level' },
    fallback: 'info',
    read: choice<LogLevel>('debug', 'info', 'warn', 'error'),
    help: 'least severe line to log: debug, info, warn or error',
  }),
  'log.max_files': limit(5, 'log files kept, the current one among them'),
  'log.max_bytes': limit(10 * 1024 * 1024, 'size at which a log file is rotated', minLogBytes),
  'limits.max_frame_bytes': limit(defaultLimits.maxFrameBytes, 'largest message taken', minFrameBytes),
  'limits.max_json_depth': limit(defaultLimits.maxJsonDepth, 'deepest JSON taken', 8),
  'limits.max_batch': limit(defaultLimits.maxBatch, 'most entries of a batch'),
  'limits.max_in_flight': limit(defaultLimits.maxInFlight, 'most unanswered requests of a connection'),
  'limits.soft_queue_bytes': limit(
    defaultLimits.softQueueBytes,
    'queue to a slow reader above which notifications are dropped',
  ),
  'limits.hard_queue_bytes': limit(defaultLimits.hardQueueBytes, 'queue to a slow reader above which it is cut off'),
  'limits.max_connections': limit(defaultLimits.maxConnections, 'most connections of a listener'),
  'limits.max_unauthenticated': limit(defaultLimits.maxUnauthenticated, 'most sockets that have not authenticated'),
  'limits.max_unauthenticated_per_address': limit(
    defaultLimits.maxUnauthenticatedPerAddress,
    'most sockets of one address that have not authenticated',
  ),
  'limits.max_unauthenticated_bytes': limit(
    defaultLimits.maxUnauthenticatedBytes,
    'most bytes taken from a socket before it has authenticated',
    minFrameBytes,
  ),
  'limits.upgrade_timeout_ms': limit(defaultLimits.upgradeTimeoutMs, 'time for the WebSocket upgrade'),
  'limits.auth_timeout_ms': limit(defaultLimits.authTimeoutMs, 'time to authenticate after the upgrade'),
};

export type SettingName = keyof typeof settings;
export type SettingValues = { readonly [Name in SettingName]: (typeof settings)[Name]['fallback'] };

/** The table with its value types erased, for code that treats all settings alike. */
export const settingTable: ReadonlyMap<SettingName, Setting<unknown>> = new Map(
  Object.entries(settings) as [SettingName, Setting<unknown>][],
);
