/** Every bound of the daemon's listeners and connections. */
export interface Limits {
  maxFrameBytes: number;
  maxJsonDepth: number;
  maxBatch: number;
  /** Unanswered requests of one connection. */
  maxInFlight: number;
  /** Queue to a reader above which best-effort notifications are dropped. */
  softQueueBytes: number;
  /** Queue to a reader above which its connection is cut. */
  hardQueueBytes: number;
  /** Open connections of each listener. */
  maxConnections: number;
  maxUnauthenticated: number;
  maxUnauthenticatedPerAddress: number;
  maxUnauthenticatedBytes: number;
  upgradeTimeoutMs: number;
  authTimeoutMs: number;
}

const kib = 1024;
const mib = 1024 * kib;

export const defaultLimits: Limits = {
  maxFrameBytes: 16 * mib,
  maxJsonDepth: 128,
  maxBatch: 100,
  maxInFlight: 1_024,
  softQueueBytes: 1 * mib,
  hardQueueBytes: 64 * mib,
  maxConnections: 10_000,
  maxUnauthenticated: 512,
  maxUnauthenticatedPerAddress: 256,
  maxUnauthenticatedBytes: 64 * kib,
  upgradeTimeoutMs: 5_000,
  authTimeoutMs: 5_000,
};
