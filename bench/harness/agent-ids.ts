/** The agents that an `agents` daemon knows. */
export const agentIds: readonly string[] = Array.from({ length: 8 }, (_, number) => `worker-${number}`);
