/** The tables of the mesh layer's SPEC.md, so that tests hold the page against the code. */
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../../../srv/mesh/SPEC.md', import.meta.url), 'utf8');

/** Rows of the first table under the heading, each by column name; code marks are taken off. */
export function specTable(heading: string): readonly Readonly<Record<string, string>>[] {
  const section = text.split(/^## /mu).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  const [names = [], , ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
  return rows.map((cells) => Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])));
}

/** The letters under which the page gives the reason of an impossible cell. */
export function reasonLetters(): ReadonlySet<string> {
  return new Set([...text.matchAll(/^- \*\*(\w)\*\* \S/gmu)].map(([, letter]) => letter ?? ''));
}
