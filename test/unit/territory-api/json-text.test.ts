import { describe, expect, it } from 'vitest';
import { jsonIn } from '../../../srv/territory-api/json-text.ts';

describe('JSON of the territory API', () => {
  it('is read, however large', () => {
    const value = Array.from({ length: 30_000 }, (_, index) => ({ id: `T${index}`, owner: 'E'.repeat(60) }));
    expect(jsonIn(JSON.stringify(value))).toEqual(value);
  });

  it.each(['', '<html>', '{"a":'])('is none in %j', (text) => {
    expect(jsonIn(text)).toBeUndefined();
  });

  it.each(['[', '{'])('is not read where it is %s and little else: it would take all memory', (begin) => {
    const unit = begin === '[' ? '[],' : '{},';
    expect(jsonIn(`[${unit.repeat(600_000)}0]`)).toBeUndefined();
    expect(jsonIn(`[${unit.repeat(400_000)}0]`)).toHaveLength(400_001);
  });
});
