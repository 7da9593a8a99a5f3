/** Variables that nobody reads because their name is nearly, but not quite, that of a setting. */
import type { Environment } from './environment.ts';
import { settingNames } from './settings-values.ts';

/** One line for each variable whose name is one or two letters away from a setting's. */
export function misspelt(env: Environment): readonly string[] {
  const names = settingNames();
  const known = new Set<string>(names);
  const lines: string[] = [];
  for (const variable of Object.keys(env)) {
    if (known.has(variable) || env[variable] === undefined) continue;
    const meant = names.find((name) => near(variable.toUpperCase(), name));
    if (meant) lines.push(`${variable} is not a setting and is ignored: was ${meant} meant?`);
  }
  return lines;
}

/** Short names may differ by one letter only: HOST is no misspelt PORT. */
function near(variable: string, name: string): boolean {
  const allowed = name.length < 8 ? 1 : 2;
  return Math.abs(variable.length - name.length) <= allowed && editDistance(variable, name) <= allowed;
}

/** Levenshtein's distance: letters to insert, delete or replace. Quadratic; names are short. */
export function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      const deleted = (previous[column] ?? 0) + 1;
      const inserted = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, deleted, inserted));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
