// Budgets: how much agents may use, and how much they have used. Ours: the original has alerts and no limits.
import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';

const section = 'Budgets';
const maxIdChars = 200;
const maxReasonChars = 2_000;
const maxBudgetAccountsPerPage = 1_000;
/** Sums stay whole numbers: this is a thousandth of where they would not. */
const maxAmount = 1e12;
/** In micro-dollars the same. */
const maxCostUsd = 1e6;

const amount = () => z.int().min(0).max(maxAmount);

/** How much of each; what is left out is not limited, or none. */
export const budgetAmounts = once(() =>
  z.object({
    tool_calls: amount().optional(),
    wall_time_ms: amount().optional(),
    tokens: amount().optional(),
    cost_usd: z.number().min(0).max(maxCostUsd).optional(),
  }),
);

const someAmounts = () =>
  budgetAmounts().refine((amounts) => Object.values(amounts).some((value) => value !== undefined), {
    message: 'names none of tool_calls, wall_time_ms, tokens and cost_usd',
  });

const budgetName = () =>
  z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, ".", "_" and "-"');
const agent = () => z.string().min(1).max(maxIdChars);

const definition = () => ({
  name: budgetName(),
  /** This agent; with `*` each on its own; without it all together. */
  agent: agent().optional(),
  /** `day` is a day of UTC; `total` never ends. Plans outside a run count as a run for each connection. */
  per: z.enum(['run', 'day', 'total']),
  limits: someAmounts(),
});

export const budgetDefinition = once(() => z.object(definition()));

export const budget = once(() =>
  z
    .object({
      ...definition(),
      limits: budgetAmounts(),
      /** Of a file: only the file can change it. */
      source: z.enum(['file', 'wire']),
    })
    .meta({ id: 'Budget' }),
);

const budgetAccount = once(() =>
  z
    .object({
      budget: z.string(),
      agent: z.string().nullable(),
      run_id: z.string().nullable(),
      day: z.string().nullable(),
      /** With what it was extended by. */
      limits: budgetAmounts(),
      spent: budgetAmounts(),
      /** Set aside for calls that have not ended. */
      reserved: budgetAmounts(),
      /** Of what is limited. */
      remaining: budgetAmounts(),
      extended_by: budgetAmounts().optional(),
      resets_at: z.string().nullable(),
    })
    .meta({ id: 'BudgetAccount' }),
);

const price = once(() =>
  z.object({
    tool: z.string(),
    tokens: z.number().optional(),
    cost_usd: z.number().optional(),
    wall_time_ms: z.number().optional(),
    reported: z.boolean(),
  }),
);

/** Which account, where a budget has several. */
const which = { agent: agent().nullish(), run_id: z.string().min(1).max(maxIdChars).nullish() };

export const budgets = {
  'budget.list': method({
    summary: 'Budgets in the order of their names, and what tools are priced at',
    params: () => z.object({}),
    result: () => z.object({ budgets: z.array(budget()), prices: z.array(price()) }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  'budget.get': method({
    summary: 'A budget and its accounts; agents see their own and those that all share',
    params: () => z.object({ name: z.string() }),
    result: () => z.object({ budget: budget(), accounts: z.array(budgetAccount()) }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'budget.usage': method({
    summary: 'What was used, by account; agents see their own and those that all share',
    params: () =>
      z.object({
        name: z.string().nullish(),
        ...which,
        limit: z.int().min(1).max(maxBudgetAccountsPerPage).default(100),
      }),
    result: () => z.object({ accounts: z.array(budgetAccount()), total: z.number() }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  'budget.set': method({
    summary: 'Add a budget or replace the one of this name; what was used stays used',
    params: () => z.object({ ...definition(), agent: agent().nullish() }),
    result: () => z.object({ budget: budget(), replaced: z.boolean() }),
    access: 'host',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
    isExtension: true,
  }),
  'budget.remove': method({
    summary: 'Remove a budget; an unknown name is not an error, one of a file is',
    params: () => z.object({ name: z.string() }),
    result: () => z.object({ removed: z.union([z.literal(0), z.literal(1)]) }),
    access: 'host',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'budget.extend': method({
    summary:
      'Add to an account: at once for a host, for others when a host approves; agents ask for their own accounts',
    params: () =>
      z.object({
        name: z.string(),
        ...which,
        add: someAmounts(),
        reason: z.string().max(maxReasonChars).nullish(),
      }),
    result: () =>
      z.object({
        status: z.enum(['applied', 'pending']),
        approval_id: z.string().optional(),
        account: budgetAccount(),
      }),
    access: 'session',
    ownership: 'subject',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
    isExtension: true,
  }),
  'budget.reset': method({
    summary: 'Begin accounts anew: nothing spent, no extension; calls in flight stay reserved',
    params: () => z.object({ name: z.string(), ...which }),
    result: () => z.object({ reset: z.number() }),
    access: 'host',
    effect: 'write',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
};

export type BudgetAmounts = z.output<ReturnType<typeof budgetAmounts>>;
export type Budget = z.output<ReturnType<typeof budget>>;
export type BudgetAccount = z.output<ReturnType<typeof budgetAccount>>;
