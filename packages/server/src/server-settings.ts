// What a daemon is started with, and the defaults.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  silentLogger,
  type AcpAgentConfig,
  type AgentLogLimits,
  type ApprovalGateConfig,
  type JournalRetention,
  type Logger,
  type RunRetention,
  type ServerStateConfig,
  type SupervisionLimits,
  type Tier,
} from '@car-runtime/core';
import { ConfigError } from './errors.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { isLoopback } from './loopback.ts';
import type { SpanExporter } from './telemetry/span-exporter.ts';
import { checkSocketPath } from './unix-socket.ts';

export interface ServerOptions {
  /** Absolute path of the folder of everything this daemon keeps. */
  stateRoot: string;
  /** WebSocket port; HTTP is on the next one. 0 takes free ones. Default 9100. */
  port?: number;
  /** IP address to bind. HTTP stays on loopback. Default 127.0.0.1. */
  host?: string;
  /** The socket all clients of this state root know; `null` for none. Default `<stateRoot>/run/car-server.sock`. */
  socketPath?: string | null;
  /** Folder of the token files. Default `<stateRoot>/ai.parslee.car`. */
  tokenFolder?: string;
  /** Default `<stateRoot>/journals`. */
  journalDir?: string;
  /** Specs of supervised agents. Default `<stateRoot>/agents.json`. */
  agentsManifest?: string;
  /** What is kept of the output of agents. */
  agentLogLimits?: Partial<AgentLogLimits>;
  /** Time an agent has between SIGTERM and SIGKILL, in ms. Default 5 000. */
  agentStopGraceMs?: number;
  /** Times of chats. */
  chat?: NonNullable<ServerStateConfig['chat']>;
  /** External agents that speak the Agent Client Protocol, by the id they are called. */
  acpAgents?: Readonly<Record<string, AcpAgentConfig>>;
  /** Ed25519 keys in base64: packs of skills signed by one of them are official. Default: none. */
  trustedSkillSigners?: readonly string[];
  /** What skills of the community may do at most; `null` for nothing. Default `read_only`. */
  communitySkillCeiling?: Tier | null;
  /** How much the order of facts follows how they were rated. Default: not at all. */
  memoryUtility?: { weight: number; exploration: number };
  /** Folder that the built-in file tools work in, for sessions that name none. Default: none. */
  toolRoot?: string;
  /** Files and folders that those tools never touch, besides the state root and the token folder. */
  privatePaths?: readonly string[];
  /** Folder of the built web console. Default: the one of the package `console`. */
  consoleFolder?: string;
  /** Lets only hosts name folders of this machine. Default false. */
  hasStrictRoles?: boolean;
  /** Methods that a person is asked about before they run. Default: those declared so, for 60 s. */
  approvalGate?: ApprovalGateConfig;
  /** Refuses `host.subscribe` before `server.handshake`. Default false. */
  requiresHandshake?: boolean;
  /** `false` lets every client in; only on loopback. Default true. */
  isAuthRequired?: boolean;
  /** The daemon token; minted when left out. */
  authToken?: string;
  /** Serves a minted daemon token at `GET /auth-token`. */
  servesAuthToken?: boolean;
  allowHosts?: readonly string[];
  allowOrigins?: readonly string[];
  handlerTimeoutMs?: number;
  toolTimeoutMs?: number;
  journalRetention?: JournalRetention;
  /** Ended runs kept at start. */
  runRetention?: RunRetention;
  /** Whether the records of a run count as stored once the operating system has them, or once the medium has them. Default
   *  `buffered`. */
  runDurability?: 'buffered' | 'fsync';
  limits?: Partial<Limits>;
  /** Of `supervision.*`: the time to decide, and how many plans may wait. */
  supervisionLimits?: Partial<SupervisionLimits>;
  logger?: Logger;
  /** Takes the spans of runs; ended with the daemon, behind everything that could have one more. */
  spanExporter?: SpanExporter | undefined;
}

const defaultConsoleFolder = fileURLToPath(new URL('../../console/dist', import.meta.url));

export type Settings = ReturnType<typeof toSettings>;

/** Throws `ConfigError`. */
export function toSettings(options: ServerOptions) {
  const stateRoot = resolve(options.stateRoot);
  const settings = {
    port: 9_100,
    host: '127.0.0.1',
    socketPath: process.platform === 'win32' ? null : join(stateRoot, 'run', 'car-server.sock'),
    tokenFolder: join(stateRoot, 'ai.parslee.car'),
    journalDir: join(stateRoot, 'journals'),
    privatePaths: [],
    hasStrictRoles: false,
    requiresHandshake: false,
    consoleFolder: defaultConsoleFolder,
    isAuthRequired: true,
    authToken: undefined,
    servesAuthToken: false,
    allowHosts: [],
    allowOrigins: [],
    logger: silentLogger,
    spanExporter: undefined,
    ...options,
    stateRoot,
    limits: { ...defaultLimits, ...options.limits },
  };
  if (settings.authToken?.trim() === '') throw new ConfigError('The daemon token must not be blank');
  refuseOpenHost(settings);
  if (settings.socketPath !== null) checkSocketPath(settings.socketPath);
  return settings;
}

/** Throws `ConfigError`. */
export function refuseOpenHost({ host, isAuthRequired }: { host: string; isAuthRequired: boolean }): void {
  if (isAuthRequired || isLoopback(host)) return;
  throw new ConfigError(`Cannot listen on ${host} without authentication: only loopback addresses may go without`);
}
