import { supervision } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { supervisionMethods } from './methods.ts';
import type { SupervisionService } from './service.ts';

export { Escalations } from './escalations.ts';
export {
  defaultSupervisionLimits,
  SupervisionService,
  type SupervisionLimits,
  type SupervisionOptions,
} from './service.ts';

/** `supervision.*`: programs outside the daemon that decide about plans. */
export function supervisionDomain(service: SupervisionService): Domain<typeof supervision> {
  return {
    name: 'supervision',
    contract: supervision,
    methods: supervisionMethods(service),
    onClose: { registry: (connection) => void service.unsubscribe(connection) },
  };
}
