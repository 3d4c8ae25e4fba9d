// The daemon as a library: for the programs of this package, for tests, and for whoever runs a daemon in a process of
// their own.
export { ConfigError, StartError } from './errors.ts';
export { defaultLimits, type Limits } from './limits.ts';
export type { ServerOptions } from './server-settings.ts';
export { startServer, type RunningServer } from './start-server.ts';
