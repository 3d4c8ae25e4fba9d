// The frames that went over the connection, newest last, for whoever looks under the hood. Kept only while somebody looks.
import type { Channel } from '@car-runtime/rpc';
import { Store } from './store/store.ts';

export interface Frame {
  id: number;
  direction: 'sent' | 'received';
  at: number;
  text: string;
}

const maxFrames = 300;
const maxShownCharacters = 20_000;

export const frames = new Store<readonly Frame[]>([]);

let watchers = 0;
let lastId = 0;

/** Frames are kept from now on, until the result is disposed. */
export function keepFrames(): Disposable {
  watchers++;
  return {
    [Symbol.dispose]: () => {
      watchers--;
      if (watchers === 0) frames.set([]);
    },
  };
}

/** The same channel, which says what passes. */
export function tapped(channel: Channel): Channel {
  return {
    get transport() {
      return channel.transport;
    },
    get isOpen() {
      return channel.isOpen;
    },
    get queuedBytes() {
      return channel.queuedBytes;
    },
    start: (handlers) =>
      channel.start({
        onText: (text) => {
          keep('received', text);
          handlers.onText(text);
        },
        onBinary: (bytes) => handlers.onBinary(bytes),
        onClose: (info) => handlers.onClose(info),
      }),
    send: (text) => {
      keep('sent', text);
      channel.send(text);
    },
    sendFrame: (frame) => channel.sendFrame(frame),
    close: (code, reason) => channel.close(code, reason),
    terminate: (reason) => channel.terminate(reason),
  };
}

function keep(direction: Frame['direction'], text: string): void {
  if (watchers === 0) return;
  const shown = text.length > maxShownCharacters ? `${text.slice(0, maxShownCharacters)}…` : text;
  frames.update((all) => [...all.slice(1 - maxFrames), { id: ++lastId, direction, at: Date.now(), text: shown }]);
}
