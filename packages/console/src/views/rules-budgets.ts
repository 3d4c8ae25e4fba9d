// What budgets leave, as the rules in force show it.
import type { Budget, BudgetAccount } from '@car-runtime/protocol';
import { html, nothing, type TemplateResult } from 'lit';
import { words } from '../parts/approval-card.ts';
import { empty } from '../parts/states.ts';
import { styled } from '../parts/styled.ts';
import { duration, plain } from '../parts/text.ts';

export interface Budgets {
  budgets: readonly Budget[];
  accounts: readonly BudgetAccount[];
  /** Accounts there are in all. */
  total: number;
}

export function budgetTable({ budgets, accounts, total }: Budgets): TemplateResult {
  if (budgets.length === 0)
    return empty(
      'No budgets',
      html`Nothing limits what agents use. <code>budgets.toml</code> or <code>car budget set</code> does.`,
    );
  const unused = budgets.filter(({ name }) => !accounts.some(({ budget }) => budget === name));
  return html`<section class="card stack" aria-label="Budgets">
    <h2>Budgets</h2>
    <div class="table" tabindex="0" role="region" aria-label="Accounts of budgets">
      <table>
        <thead>
          <tr>
            <th scope="col">budget</th>
            <th scope="col">of</th>
            <th scope="col">used, set aside, allowed</th>
          </tr>
        </thead>
        <tbody>
          ${accounts.map((account) => accountRow(account))}
          ${unused.map(
            ({ name, agent, per, limits }) =>
              html`<tr>
                <th scope="row">${plain(name)}</th>
                <td class="soft">
                  ${agent === '*' ? 'each agent' : agent === undefined ? 'all together' : plain(agent)},
                  ${perTexts[per]}
                </td>
                <td class="soft">
                  nothing of
                  ${Object.entries(limits)
                    .map(([meter, limit]) => amount(meter, limit ?? 0))
                    .join(', ')}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${total > accounts.length ? html`<div class="soft">The first ${accounts.length} of ${total} accounts.</div>` : nothing}
  </section>`;
}

const perTexts = { run: 'for each run', day: 'for each day', total: 'in all' };

function accountRow({ budget, agent, run_id, day, limits, spent, reserved }: BudgetAccount): TemplateResult {
  const whose = [agent ?? 'all', run_id === null ? undefined : `run ${run_id}`, day ?? undefined];
  return html`<tr>
    <th scope="row">${plain(budget)}</th>
    <td>${plain(whose.filter((part) => part !== undefined).join(', '))}</td>
    <td>
      ${(Object.keys(limits) as (keyof typeof limits)[]).map((meter) => {
        const [limit, used, held] = [limits[meter] ?? 0, spent[meter] ?? 0, reserved[meter] ?? 0];
        const share = limit === 0 ? 1 : Math.min(1, (used + held) / limit);
        return html`<div>
          ${amount(meter, used)}${held > 0 ? ` + ${amount(meter, held)}` : ''} of ${amount(meter, limit)}
          <span class="track"
            ><span class="fill ${share >= 1 ? 'full' : ''}" ${styled({ width: `${share * 100}%` })}></span
          ></span>
        </div>`;
      })}
    </td>
  </tr>`;
}

function amount(meter: string, value: number): string {
  if (meter === 'cost_usd') return `$${value.toFixed(2)}`;
  if (meter === 'wall_time_ms') return duration(value);
  return `${value.toLocaleString()} ${words(meter)}`;
}
