import { describe, expect, it } from 'vitest';
import {
  matches,
  parseAddress,
  patternProblem,
  queueNameProblem,
  topicProblem,
} from '../../sandbox/mesh/routing.ts';

describe('a subscription pattern', () => {
  it.each([
    ['a/b/c', 'a/b/c', true],
    ['a/b/c', 'a/b', false],
    ['a/b', 'a/b/c', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/d', false],
    ['a/+', 'a/b/c', false],
    ['+/+', 'a', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c/d', true],
    ['a/*', 'a', false],
    ['*', 'a/b/c', true],
    ['+/+/+/ce/*', 'default/crm/prod/ce/cx/territory/v1', true],
    ['+/+/+/ce/*', 'default/crm/ce/cx', false],
    ['a/B', 'a/b', false],
  ])('%s on topic %s: %s', (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected);
  });

  it('may hold + as a whole segment and * as the last one only', () => {
    expect(patternProblem('+/a/*')).toBeUndefined();
    expect(patternProblem('a/*/b')).toBeDefined();
    expect(patternProblem('a/b+')).toBeDefined();
    expect(patternProblem('a//b')).toBe('has an empty segment');
  });
});

describe('a name', () => {
  it('of a topic has no wildcard, no empty segment, at most 20 segments and 150 characters', () => {
    expect(topicProblem('a/b-1/c.d/e_f')).toBeUndefined();
    expect(topicProblem('a/+/b')).toBeDefined();
    expect(topicProblem('/a')).toBeDefined();
    expect(topicProblem(Array(21).fill('a').join('/'))).toBe('has more than 20 segments');
    expect(topicProblem('a'.repeat(151))).toBe('is longer than 150 characters');
  });

  it('of a queue has at most 164 characters and none outside the allowed ones', () => {
    expect(queueNameProblem('default/territory/sync/changes')).toBeUndefined();
    expect(queueNameProblem('a b')).toBeDefined();
    expect(queueNameProblem('q'.repeat(165))).toBeDefined();
  });
});

describe('an address', () => {
  it('names a queue, a topic, nothing, or what the mesh does not know', () => {
    expect(parseAddress('queue:a/b')).toEqual({ kind: 'queue', name: 'a/b' });
    expect(parseAddress('topic:a/b')).toEqual({ kind: 'topic', name: 'a/b' });
    expect(parseAddress(null)).toEqual({ kind: 'anonymous' });
    expect(parseAddress('')).toEqual({ kind: 'anonymous' });
    expect(parseAddress('queue://a')).toEqual({ kind: 'queue', name: '//a' });
    expect(parseAddress('/amq/queue/a')).toEqual({ kind: 'unknown', text: '/amq/queue/a' });
  });
});
