// What a stranger may cost before it has authenticated: so many sockets, so many bytes, so much time. A socket is
// watched from the moment it is accepted, so the HTTP upgrade counts too.
import type { Socket } from 'node:net';

export interface UnauthenticatedLimits {
  maxSockets: number;
  maxSocketsPerAddress: number;
  /** Bytes in all, headers, frames and fragments together. */
  maxBytes: number;
  /** Time for the upgrade, in ms. What comes after it is the kernel's deadline. */
  upgradeTimeoutMs: number;
}

export type CutReason = 'too-many-sockets' | 'too-many-bytes' | 'upgrade-timeout';

/** A socket younger than this is not cut to make room: a client that means well needs it to authenticate. */
const graceMs = 250;

export class UnauthenticatedSockets {
  readonly #limits: UnauthenticatedLimits;
  readonly #onCut: (reason: CutReason) => void;
  /** Oldest first within each address. */
  readonly #byAddress = new Map<string, Set<WatchedSocket>>();
  #size = 0;

  constructor(limits: UnauthenticatedLimits, onCut: (reason: CutReason) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  get size(): number {
    return this.#size;
  }

  /** Begins to watch a socket that was just accepted; `undefined` when there was no room and it was cut. */
  admit(socket: Socket): WatchedSocket | undefined {
    // Cutting a socket under way makes errors that nobody else listens for.
    socket.on('error', ignoreError);
    const address = socket.remoteAddress ?? '';
    const ofAddress = this.#byAddress.get(address);
    const isFull = (ofAddress?.size ?? 0) >= this.#limits.maxSocketsPerAddress;
    if ((isFull || this.#size >= this.#limits.maxSockets) && !this.#makeRoom(isFull ? ofAddress : this.#largest())) {
      this.#onCut('too-many-sockets');
      socket.destroy();
      return undefined;
    }
    const watched = new WatchedSocket(socket, this.#limits, (reason) => this.#onCut(reason));
    this.#add(address, watched);
    return watched;
  }

  #add(address: string, watched: WatchedSocket): void {
    let sockets = this.#byAddress.get(address);
    if (!sockets) this.#byAddress.set(address, (sockets = new Set()));
    sockets.add(watched);
    this.#size++;
    watched.onReleased = () => {
      if (!sockets.delete(watched)) return;
      this.#size--;
      if (sockets.size === 0 && this.#byAddress.get(address) === sockets) this.#byAddress.delete(address);
    };
  }

  #makeRoom(sockets: ReadonlySet<WatchedSocket> | undefined): boolean {
    const [oldest] = sockets ?? [];
    if (!oldest || performance.now() - oldest.acceptedAt < graceMs) return false;
    oldest.cut('too-many-sockets');
    return true;
  }

  #largest(): ReadonlySet<WatchedSocket> | undefined {
    let largest: ReadonlySet<WatchedSocket> | undefined;
    for (const sockets of this.#byAddress.values()) if (sockets.size > (largest?.size ?? 0)) largest = sockets;
    return largest;
  }
}

export class WatchedSocket {
  readonly acceptedAt = performance.now();
  readonly #socket: Socket;
  readonly #limits: UnauthenticatedLimits;
  readonly #onCut: (reason: CutReason) => void;
  readonly #onData = (): void => {
    if (this.#socket.bytesRead > this.#limits.maxBytes) this.cut('too-many-bytes');
  };
  readonly #release = (): void => this.release();
  readonly #timer: NodeJS.Timeout;
  onReleased: (() => void) | undefined;

  constructor(socket: Socket, limits: UnauthenticatedLimits, onCut: (reason: CutReason) => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#onCut = onCut;
    this.#timer = setTimeout(() => this.cut('upgrade-timeout'), limits.upgradeTimeoutMs);
    socket.on('data', this.#onData);
    socket.once('close', this.#release);
  }

  /** The upgrade is done. From here on bytes are counted after the WebSocket saw them, so a client that sends more
   *  right behind its credential is judged by whether that was accepted. */
  markUpgraded(): void {
    clearTimeout(this.#timer);
    this.#socket.off('data', this.#onData);
    this.#socket.on('data', this.#onData);
  }

  /** The limits no longer apply: it has authenticated, or is gone. */
  release(): void {
    clearTimeout(this.#timer);
    this.#socket.off('data', this.#onData);
    this.#socket.off('close', this.#release);
    this.onReleased?.();
    this.onReleased = undefined;
  }

  cut(reason: CutReason): void {
    this.release();
    this.#onCut(reason);
    this.#socket.destroy();
  }
}

function ignoreError(): void {
  // 'close' follows and releases the socket.
}
