// The daemon's listeners: TCP, Unix socket and HTTP. All come up or none does.
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { ServerState } from '@car-runtime/core';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';
import { commandName } from './command-name.ts';
import { ConsoleDoor } from './console/console-door.ts';
import { StartError } from './errors.ts';
import { HttpListener } from './http-listener.ts';
import { isLoopback } from './loopback.ts';
import { listen } from './listen.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { bracketed, tcpRules, unixSocketRules } from './request-guard.ts';
import type { Settings } from './server-settings.ts';
import type { Tokens } from './token-files.ts';
import { listenOnSocket } from './unix-socket.ts';
import { WebSocketListener } from './websocket-listener.ts';

export interface Listeners {
  tcp: WebSocketListener;
  unix: WebSocketListener | undefined;
  http: HttpListener;
  console: ConsoleDoor;
}

interface ListenerParts {
  tokens: Tokens | undefined;
  loopDelay: LoopDelay;
  refusals: RefusalCounts;
}

export function createListeners(settings: Settings, state: ServerState, parts: ListenerParts): Listeners {
  const { tokens, loopDelay, refusals } = parts;
  const { limits } = settings;
  const shared = {
    state,
    acceptor: new WebSocketAcceptor({ maxFrameBytes: limits.maxFrameBytes }),
    limits: {
      maxSockets: limits.maxUnauthenticated,
      maxSocketsPerAddress: limits.maxUnauthenticatedPerAddress,
      maxBytes: limits.maxUnauthenticatedBytes,
      upgradeTimeoutMs: limits.upgradeTimeoutMs,
      maxConnections: limits.maxConnections,
    },
    refusals,
  };
  const tcp = new WebSocketListener({ ...shared, transport: 'tcp', proofToken: tokens?.authToken });
  const unix = settings.socketPath === null ? undefined : new WebSocketListener({ ...shared, transport: 'unix' });
  const httpUrl = (): string => urlOf('http', http.server.address() as AddressInfo);
  const console = new ConsoleDoor({
    assetFolder: settings.consoleFolder,
    stateRoot: settings.stateRoot,
    state,
    acceptor: shared.acceptor,
    refusals,
    origin: httpUrl,
  });
  const http: HttpListener = new HttpListener({
    state,
    refusals,
    console,
    metrics: {
      startedAt: state.startedAt,
      sessions: () => state.sessions.size,
      acceptedTotal: () => state.acceptedTotal,
      methodCounts: () => state.methodCounts(),
      budgets: () => state.budgetCounts(),
      supervision: () => state.supervisionCounts(),
      refusals: () => refusals.totals(),
      unauthenticated: () => [['tcp', tcp.unauthenticated], ...(unix ? [['unix', unix.unauthenticated] as const] : [])],
      problems: () => state.health.problems,
      spans: settings.spanExporter?.counts,
      loopDelayP99Ms: () => loopDelay.p99Ms(),
    },
    metricsTokens: tokens ? [tokens.authToken, tokens.hostToken] : [],
    servedToken: settings.servesAuthToken && settings.authToken === undefined ? tokens?.authToken : undefined,
    webSocketUrl: () => urlOf('ws', tcp.server.address() as AddressInfo),
  });
  return { tcp, unix, http, console };
}

export interface Addresses {
  ws: string;
  http: string;
  port: number;
  socket: string | null;
}

export async function bind({ tcp, unix, http }: Listeners, settings: Settings, isPrimary: boolean): Promise<Addresses> {
  const { host, allowHosts, allowOrigins } = settings;
  const httpHost = isLoopback(host) ? host : '127.0.0.1';
  const ifTaken = isPrimary ? portTaken : primaryRuns(settings.stateRoot);
  const { port } = await listenOnTcp(tcp, host, { port: settings.port, ifTaken });
  const { port: httpPort } = await listenOnTcp(http, httpHost, { port: settings.port === 0 ? 0 : port + 1, ifTaken });
  const shown = { httpHost, httpPort, allowHosts, allowOrigins };
  tcp.rules = tcpRules({ host, port, ...shown });
  http.rules = tcpRules({ host: httpHost, port: httpPort, ...shown });
  const shared = settings.socketPath;
  const socket = shared === null || isPrimary ? shared : join(dirname(shared), `car-server-${port}.sock`);
  if (unix && socket !== null) {
    unix.rules = unixSocketRules;
    await listenOnSocket(unix.server, socket, { backlog: WebSocketListener.backlog });
  }
  return {
    ws: urlOf('ws', { address: host, port }),
    http: urlOf('http', { address: httpHost, port: httpPort }),
    port,
    socket,
  };
}

const portTaken = 'the port is in use (another car-server? choose one with --port)';

/** Another port alone would make a daemon that no program of this state root finds. */
function primaryRuns(stateRoot: string): string {
  const car = commandName('car');
  return `a car-server already runs for ${stateRoot}: use it (${car} status) or stop it (${car} stop); a separate one needs its own CAR_HOME and --port`;
}

async function listenOnTcp(
  listener: WebSocketListener | HttpListener,
  host: string,
  { port, ifTaken }: { port: number; ifTaken: string },
): Promise<AddressInfo> {
  try {
    await listen(listener.server, { host, port, backlog: WebSocketListener.backlog, exclusive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`Cannot listen on ${bracketed(host)}:${port}: ${code === 'EADDRINUSE' ? ifTaken : message}`);
  }
  return listener.server.address() as AddressInfo;
}

function urlOf(scheme: string, { address, port }: { address: string; port: number }): string {
  return `${scheme}://${bracketed(address)}:${port}`;
}

/** A connection that could not be accepted (no descriptors left, say) must not end the daemon. */
export function surviveAcceptErrors({ tcp, unix, http }: Listeners, refusals: RefusalCounts): void {
  for (const listener of [tcp, unix, http]) listener?.server.on('error', () => refusals.count('accept-failed'));
}

export function stopListeners({ tcp, unix, http }: Listeners): void {
  tcp.stop();
  unix?.stop();
  http.stop();
}
