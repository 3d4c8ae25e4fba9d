/** What verification found, what it looked at, and what it could not see. */

/** How a finding was come by: by deciding the question, by a rule of thumb, or by trying. */
export type FindingTier = 'decision_procedure' | 'heuristic' | 'sampled';
export type Severity = 'error' | 'warning' | 'info';

export interface VerifyIssue {
  /** Empty when the proposal as a whole is meant. */
  action_id: string;
  severity: Severity;
  message: string;
  tier: FindingTier;
}

export interface VerifyCheck {
  name: CheckName;
  ran: boolean;
  verifies: string;
  cannot_verify: string;
  findings: number;
  tier: FindingTier;
}

export interface VerifyEvidence {
  checks: VerifyCheck[];
  assumptions: string[];
  untested_regions: string[];
  residual_risks: string[];
  /** Share of the actions of which nothing was left undecided. */
  confidence: number;
}

const CHECKS = {
  tools: {
    verifies: 'every tool call names a registered tool',
    cannot_verify: 'that the tool is still registered, and answers, when the call is made',
    tier: 'decision_procedure',
  },
  parameters: {
    verifies: 'parameters match the JSON Schema of their tool, and state actions name a key',
    cannot_verify: 'parameters that hold the output of another action; meaning beyond the schema',
    tier: 'decision_procedure',
  },
  preconditions: {
    verifies: 'preconditions hold, in whatever order actions that run at the same time end',
    cannot_verify: 'values that tools answer, or that someone else writes meanwhile',
    tier: 'decision_procedure',
  },
  state_dependencies: {
    verifies: 'every state dependency is there when its action starts',
    cannot_verify: 'that tools bring about the effects their actions declare',
    tier: 'decision_procedure',
  },
  assertions: {
    verifies: 'assertions hold on the state that declared effects lead to',
    cannot_verify: 'values that tools answer, or that someone else writes meanwhile',
    tier: 'decision_procedure',
  },
  ordering: {
    verifies: 'dependencies and references name actions of the proposal and form no cycle',
    cannot_verify: 'order that is needed but not declared',
    tier: 'decision_procedure',
  },
  write_conflicts: {
    verifies: 'no key is written twice without a declared order',
    cannot_verify: 'writes that actions do not declare',
    tier: 'decision_procedure',
  },
  repeated_calls: {
    verifies: 'no tool is called again with the same parameters',
    cannot_verify: 'whether a repetition is meant',
    tier: 'heuristic',
  },
  action_count: {
    verifies: 'the proposal has no more actions than are easily reviewed',
    cannot_verify: 'whether the number is needed',
    tier: 'decision_procedure',
  },
} as const satisfies Record<string, { verifies: string; cannot_verify: string; tier: FindingTier }>;

export type CheckName = keyof typeof CHECKS;

const ASSUMPTIONS = [
  'tools succeed and change exactly the state their actions declare',
  'the state is the given one and nobody else writes it meanwhile',
  'no idempotent action is answered from what an earlier proposal left in the cache',
  'policies, capabilities, permissions and supervisors are not asked',
];

export class VerifyFindings {
  readonly issues: VerifyIssue[] = [];
  readonly risks: string[] = [];
  readonly #counts = new Map<CheckName, number>();
  readonly #untested: string[] = [];
  readonly #undecidedActions = new Set<string>();

  get isValid(): boolean {
    return !this.issues.some(({ severity }) => severity === 'error');
  }

  add(check: CheckName, severity: Severity, actionId: string, message: string): void {
    this.#counts.set(check, (this.#counts.get(check) ?? 0) + 1);
    this.issues.push({ action_id: actionId, severity, message, tier: CHECKS[check].tier });
  }

  /** Something about an action that only executing can tell. */
  leaveUndecided(actionId: string, what: string): void {
    this.#undecidedActions.add(actionId);
    this.#untested.push(`action '${actionId}': ${what}`);
  }

  toEvidence(actionCount: number, skipped: ReadonlySet<CheckName>): VerifyEvidence {
    const names = Object.keys(CHECKS) as CheckName[];
    return {
      checks: names.map((name) => ({
        name,
        ran: !skipped.has(name),
        verifies: CHECKS[name].verifies,
        cannot_verify: CHECKS[name].cannot_verify,
        findings: this.#counts.get(name) ?? 0,
        tier: CHECKS[name].tier,
      })),
      assumptions: ASSUMPTIONS,
      untested_regions: this.#untested,
      residual_risks: this.risks,
      confidence: actionCount === 0 ? 1 : 1 - this.#undecidedActions.size / actionCount,
    };
  }
}
