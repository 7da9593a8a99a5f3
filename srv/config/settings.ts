/**
 * The settings as the program uses them: read once from an environment record, checked alone and together, completed
 * with what follows from the binding and from other settings, frozen.
 */
import type { Environment } from './environment.ts';
import { ConfigurationError } from './problems.ts';
import { checkTogether } from './settings-checks.ts';
import { group } from './settings-groups.ts';
import type { Settings, SettingsContext } from './settings-groups.ts';
import { misspelt } from './settings-typos.ts';
import { readValues } from './settings-values.ts';

export type { Settings, SettingsContext } from './settings-groups.ts';

/**
 * Reads all settings of `env`. An empty value counts as not set.
 * @returns the settings, and a line for each variable that looks like a setting's name misspelt
 * @throws ConfigurationError with one line for each wrong value and each wrong combination
 */
export function readSettings(
  env: Environment,
  context: SettingsContext,
): { readonly settings: Settings; readonly warnings: readonly string[] } {
  const { values, wrong, problems } = readValues(env);
  const settings = group(values, context);
  const all = [...problems, ...checkTogether(settings, wrong, context.postgres)];
  if (all.length > 0) throw new ConfigurationError(all);
  return { settings: freeze(settings), warnings: misspelt(env) };
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
