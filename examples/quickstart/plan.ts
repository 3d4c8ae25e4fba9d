import type { ActionProposal } from '@car-runtime/protocol';

/** Eight steps with dependencies. Strings like `$list.output` are replaced by what that step returned. Steps that may
 *  fail without harm (`skip`) run side by side; the one that reads a secret is refused by a policy. */
export const plan: ActionProposal = {
  source: 'quickstart',
  actions: [
    {
      id: 'list',
      type: 'tool_call',
      tool: 'list_files',
      parameters: { folder: 'docs', suffix: '.md' },
      failure_behavior: 'skip',
    },
    { id: 'readme', type: 'tool_call', tool: 'read_file', parameters: { path: 'README.md' }, failure_behavior: 'skip' },
    {
      id: 'changes',
      type: 'tool_call',
      tool: 'read_file',
      parameters: { path: 'CHANGELOG.md' },
      failure_behavior: 'skip',
    },
    { id: 'secret', type: 'tool_call', tool: 'read_file', parameters: { path: '.env' }, failure_behavior: 'skip' },
    {
      id: 'readme-words',
      type: 'tool_call',
      tool: 'count_words',
      parameters: { text: '$readme.output' },
      failure_behavior: 'skip',
    },
    {
      id: 'changes-words',
      type: 'tool_call',
      tool: 'count_words',
      parameters: { text: '$changes.output' },
      failure_behavior: 'skip',
    },
    {
      id: 'report',
      type: 'tool_call',
      tool: 'write_report',
      parameters: {
        files: '$list.output',
        counts: { 'README.md': '$readme-words.output', 'CHANGELOG.md': '$changes-words.output' },
      },
      expected_effects: { report_written: true },
    },
    { id: 'remember', type: 'state_write', parameters: { key: 'report', value: '$report.output' } },
    {
      id: 'done',
      type: 'assertion',
      parameters: { key: 'report_written', operator: 'eq', expected: true },
      state_dependencies: ['report_written'],
      dependencies: ['remember'],
    },
  ],
};

/** One step that fails once and is retried, one that is started and left running, one that writes, and one that fails
 *  for good: with `abort`, the default, everything the plan wrote is taken back. */
export const stumblingPlan: ActionProposal = {
  source: 'quickstart',
  actions: [
    { id: 'flaky', type: 'tool_call', tool: 'flaky', failure_behavior: 'retry', max_retries: 2 },
    { id: 'watch', type: 'tool_call', tool: 'watch', invocation_mode: 'streaming' },
    { id: 'write', type: 'state_write', parameters: { key: 'balance', value: 100 } },
    {
      id: 'broken',
      type: 'assertion',
      parameters: { key: 'balance', operator: 'lt', expected: 50 },
      dependencies: ['write'],
    },
    { id: 'never', type: 'tool_call', tool: 'flaky', dependencies: ['broken'] },
  ],
};
