import { describe, expect, test } from 'vitest';
import { isSoleReceiver, type Receivership } from '../../../srv/lanes/receiver-gate.ts';

const NOW_MS = 100_000;

const mayWrite = (more: Partial<Receivership>): boolean =>
  isSoleReceiver({
    nowMs: NOW_MS,
    lastFrameAtMs: NOW_MS,
    receivingSinceMs: 0,
    takeoverWaitMs: 0,
    ...more,
  });

describe('an instance whose queue is the only record writes', () => {
  test('for 30 s after the mesh was last heard, and no longer: then another may have become the receiver', () => {
    expect(mayWrite({ lastFrameAtMs: NOW_MS - 30_000 })).toBe(true);
    expect(mayWrite({ lastFrameAtMs: NOW_MS - 30_001 })).toBe(false);
    expect(mayWrite({ lastFrameAtMs: undefined })).toBe(false);
  });

  test('only while it is attached to the queue', () => {
    expect(mayWrite({ receivingSinceMs: undefined })).toBe(false);
  });

  test('not before the one that received until then has had the time to stop', () => {
    const takeoverWaitMs = 30_000;
    expect(mayWrite({ takeoverWaitMs, receivingSinceMs: NOW_MS - 29_999 })).toBe(false);
    expect(mayWrite({ takeoverWaitMs, receivingSinceMs: NOW_MS - 30_000 })).toBe(true);
    expect(mayWrite({ receivingSinceMs: NOW_MS })).toBe(true);
  });
});
