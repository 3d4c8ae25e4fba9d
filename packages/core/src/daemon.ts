// For programs that run a daemon of their own around the core: its defaults, and the tools that it and they share.
export { defaultLogLimits as defaultAgentLogLimits } from './domains/agents/index.ts';
export { digestOf } from './domains/approvals/index.ts';
export { builtinTools } from './domains/builtins/definitions.ts';
export { defaultResource, defaultRunRetention, toTraceRequest, type TraceRequest } from './domains/runs/index.ts';
export { isSkillSigner } from './domains/skills/index.ts';
export { takeFileLock, type FileLock } from './infra/file-lock.ts';
export { linearRegExp } from './infra/linear-reg-exp.ts';
export { defaultAgentStopGraceMs, defaultToolTimeoutMs } from './server-state-config.ts';
