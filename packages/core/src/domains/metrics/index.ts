import { metrics } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { metricsMethods } from './methods.ts';
import type { EventSource } from './summary.ts';

export { summarize } from './summary.ts';
export type { EventSource } from './summary.ts';

/** `metrics.*`: numbers over the connection's own event log. */
export function metricsDomain(sourceOf: (connection: Connection) => EventSource): Domain<typeof metrics> {
  return { name: 'metrics', contract: metrics, methods: metricsMethods(sourceOf) };
}
