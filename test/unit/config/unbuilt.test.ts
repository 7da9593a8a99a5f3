import { expect, test } from 'vitest';
import { readSettings } from '../../../srv/config/settings.ts';
import { unbuiltSettings } from '../../../srv/config/unbuilt.ts';

const settingsOf = (env: Record<string, string>) =>
  readSettings(env, { deployed: false, postgres: true }).settings;

test('the defaults ask for nothing that is not there', () => {
  expect(unbuiltSettings(settingsOf({}))).toEqual([]);
});

test.each([['EVENT_MAPPINGS', { EVENT_MAPPINGS: '[]' }]])(
  '%s is refused by name rather than ignored',
  (name, env) => {
    expect(unbuiltSettings(settingsOf(env))).toEqual([expect.stringContaining(name)]);
  },
);
