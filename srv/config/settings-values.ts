/** Each setting's value by itself: from the environment, else from the table. */
import type { Environment } from './environment.ts';
import { shown } from './problems.ts';
import { SETTINGS } from './settings-table.ts';
import type { Setting, SettingName, SettingValues } from './settings-table.ts';

/** @returns every value (the default in place of a wrong one), the wrong ones' names, and a line for each of them. */
export function readValues(env: Environment): {
  readonly values: SettingValues;
  readonly wrong: ReadonlySet<SettingName>;
  readonly problems: readonly string[];
} {
  const values: Partial<Record<SettingName, unknown>> = {};
  const wrong = new Set<SettingName>();
  const problems: string[] = [];
  for (const name of settingNames()) {
    const { kind, fallback }: Setting<unknown> = SETTINGS[name];
    const text = env[name]?.trim();
    const value = text ? kind.parse(text) : undefined;
    values[name] = value ?? fallback;
    if (text && value === undefined) {
      problems.push(`${name} is ${shown(text)}: allowed is ${kind.allowed}.`);
      wrong.add(name);
    }
  }
  return { values: values as SettingValues, wrong, problems };
}

/** The names of all settings, in the table's order. */
export function settingNames(): readonly SettingName[] {
  return Object.keys(SETTINGS) as SettingName[];
}
