import { describe, expect, it } from 'vitest';
import { judgeFreshness } from '../../../srv/territory-api/proof.ts';

const rule = { freshValues: ['MISS', 'BYPASS'], propagationOff: false };

describe('a read', () => {
  it.each([
    [['MISS'], true],
    [['miss', ' Bypass '], true],
    [['MISS', 'HIT'], false],
    [['HIT'], false],
    [['MISS, HIT'], false],
    [['MISS', undefined], false],
    [[undefined], false],
    [[], false],
  ])('whose requests say %j is proof: %s', (headers, proof) => {
    expect(judgeFreshness(headers, rule).proof).toBe(proof);
  });

  it('is proof without any header where the API has no late caches', () => {
    expect(judgeFreshness([undefined, 'HIT'], { ...rule, propagationOff: true }).proof).toBe(true);
  });

  it('tells the values it saw, bounded', () => {
    expect(judgeFreshness(['hit', undefined, 'x'.repeat(99)], rule).cacheStatus).toEqual([
      'HIT',
      'X'.repeat(32),
    ]);
  });
});
