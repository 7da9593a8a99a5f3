import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../../srv/config/settings-table.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

test('README lists every setting once with its default, in the order of the table, and no other', () => {
  const part = readme.slice(readme.indexOf('| setting '), readme.indexOf('Bindings are found'));
  const rows = [...part.matchAll(/^\| `(\w+)`\s*\| (.*?)\s*\|/gm)].map(([, name, text]) => [name, text]);
  const settings = Object.entries(SETTINGS).map(([name, { defaultText }]) => [name, defaultText]);
  expect(rows).toEqual(settings);
});

test('README says of every dependency what it is for', () => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { readonly dependencies: Readonly<Record<string, string>> };
  const part = readme.slice(readme.indexOf('| dependency '));
  const isNamed = (name: string) =>
    part.includes(`\`${name}\``) || part.includes(`\`${name.replace(/\/.*/, '/*')}\``);
  expect(Object.keys(dependencies).filter((name) => !isNamed(name))).toEqual([]);
});

test.each(['README.md', 'docs/deployment.md'])('every file that %s names is there', (document) => {
  const root = new URL('../../../', import.meta.url);
  const text = readFileSync(new URL(document, root), 'utf8');
  const paths = [...text.matchAll(/`((?:srv|test|docs|deploy)\/[\w./-]+\.\w+)`/g)].map(
    ([, path = '']) => path,
  );
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) expect(() => readFileSync(new URL(path, root)), path).not.toThrow();
});
