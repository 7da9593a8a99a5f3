import { describe, expect, it } from 'vitest';

import { readSettings } from '../../../srv/config/settings.ts';
import { editDistance } from '../../../srv/config/settings-typos.ts';

function warningsOf(env: Record<string, string>): readonly string[] {
  return readSettings(env, { deployed: false, postgres: false }).warnings;
}

describe('a misspelt setting', () => {
  it.each([
    ['BATCHSIZE', 'BATCH_SIZE'],
    ['TERRITORY_PROTOCL', 'TERRITORY_PROTOCOL'],
    ['RETRY_LIMTI', 'RETRY_LIMIT'],
    ['LOCK_TTL_MS', 'LOCK_TTL_S'],
    ['log_level', 'LOG_LEVEL'],
    ['PORTS', 'PORT'],
  ])('%s is named with what was meant', (variable, meant) => {
    const warnings = warningsOf({ [variable]: '1' });
    expect(warnings).toEqual([`${variable} is not a setting and is ignored: was ${meant} meant?`]);
  });

  it('is not seen in the variables that every machine has, nor in right settings', () => {
    const usual = [
      'PATH',
      'HOME',
      'HOST',
      'HOSTNAME',
      'USER',
      'PWD',
      'SHELL',
      'TERM',
      'LANG',
      'SHLVL',
      'OLDPWD',
      'NODE_ENV',
    ];
    const platform = [
      'VCAP_APPLICATION',
      'VCAP_SERVICES',
      'CF_INSTANCE_INDEX',
      'MEMORY_LIMIT',
      'npm_config_cache',
      'destinations',
    ];
    expect(warningsOf(Object.fromEntries([...usual, ...platform].map((name) => [name, 'x'])))).toEqual([]);
    expect(warningsOf({ BATCH_SIZE: '10', BATCH_SIZE_MAX: '20' })).toEqual([]);
  });

  it('is found by the number of letters to change', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('same', 'same')).toBe(0);
  });
});
