import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ALERT_NAMES, ALERTS } from '../../../../srv/monitor/alerts/catalogue.ts';

test('README lists every alert with its severity, and no other', () => {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  const part = readme.slice(readme.indexOf('### Alerts'));
  const rows = [...part.matchAll(/^\| `(\w+)`\s*\| (WARNING|ERROR)/gm)].map(([, name, severity]) => [
    name,
    severity,
  ]);
  expect(rows.toSorted()).toEqual(ALERT_NAMES.map((name) => [name, ALERTS[name].severity]).toSorted());
});
