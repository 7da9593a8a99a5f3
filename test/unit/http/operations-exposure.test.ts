import { describe, expect, it } from 'vitest';

import { isLoopback, operationsExposure } from '../../../srv/http/operations/exposure.ts';

const alone = { host: '127.0.0.1', deployed: false, xsuaa: false };

describe('the operations API', () => {
  it('is served to this machine only, where nobody deployed it', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1', '127.255.0.9']) {
      expect(operationsExposure({ ...alone, host })).toEqual({ kind: 'served' });
    }
  });

  it.each([
    ['deployed without xsuaa', { deployed: true, host: '0.0.0.0' }, /deployed without an xsuaa binding/],
    ['deployed without xsuaa, even on loopback', { deployed: true }, /deployed without an xsuaa binding/],
    ['deployed with xsuaa', { deployed: true, xsuaa: true, host: '0.0.0.0' }, /cannot check its users yet/],
    ['not deployed, with xsuaa', { xsuaa: true }, /cannot check its users yet/],
    ['reachable from elsewhere', { host: '0.0.0.0' }, /BIND_HOST 0\.0\.0\.0 can be reached/],
    ['reachable from elsewhere by IPv6', { host: '::' }, /BIND_HOST :: can be reached/],
  ])('is withheld and says so in one line: %s', (_what, surroundings, why) => {
    expect(operationsExposure({ ...alone, ...surroundings })).toEqual({
      kind: 'withheld',
      line: expect.stringMatching(why) as string,
    });
    const exposure = operationsExposure({ ...alone, ...surroundings });
    expect(exposure.kind === 'withheld' && exposure.line).toMatch(
      /^The operations API \(\/api\/v1\) is not served[^\n]*$/,
    );
  });
});

describe('an address', () => {
  it.each(['localhost', 'LocalHost', '127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    'leads to the machine itself: %s',
    (host) => expect(isLoopback(host)).toBe(true),
  );

  it.each([
    '',
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.example',
    '127.1',
    'localhost.',
    'example',
    '::2',
  ])('may lead elsewhere: %s', (host) => expect(isLoopback(host)).toBe(false));
});
