import { append } from './append.ts';
import { callback } from './callback.ts';
import { chat } from './chat.ts';
import { consoleBenchmark } from './console.ts';
import { engine } from './engine.ts';
import { fanout } from './fanout.ts';
import type { Options, Row } from './harness/report.ts';
import { idle } from './idle.ts';
import { loopDelay } from './loop-delay.ts';
import { memory } from './memory/speed.ts';
import { neighbours } from './neighbours.ts';
import { replay } from './replay.ts';
import { rpc } from './rpc.ts';
import { startup } from './startup.ts';
import { supervised } from './supervised.ts';

/** By name, in the order they run. */
export const benchmarks: Record<string, (options: Options) => Promise<Row[]>> = {
  rpc,
  callback,
  neighbours,
  engine,
  fanout,
  chat,
  append,
  replay,
  memory,
  startup,
  idle,
  supervised,
  'loop-delay': loopDelay,
  console: consoleBenchmark,
};
