import { skill } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { skillMethods } from './methods.ts';
import type { SkillService } from './service.ts';

export { isSkillSigner } from './signatures.ts';
export { SkillService, type SkillModel, type SkillServiceOptions } from './service.ts';

/** `skill.*` and `skills.*`: what agents know how to do. */
export function skillsDomain(service: SkillService): Domain<typeof skill> {
  return { name: 'skills', contract: skill, methods: skillMethods(service) };
}
