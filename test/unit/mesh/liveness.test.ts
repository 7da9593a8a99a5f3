import { describe, expect, test } from 'vitest';
import { asked, heardNow, judge, look, type Liveness } from '../../../srv/mesh/liveness.ts';
import { meshDefaults } from '../../../srv/mesh/index.ts';

const limits = { askAfterMs: 5_000, silentAfterMs: 60_000 };

describe('a peer', () => {
  test('is heard whenever bytes have come since the last look, and then no later than that look', () => {
    const first = heardNow(100, 0);
    const later = look(look(first, 100, 2_000), 140, 4_000);
    expect(later).toEqual({ bytes: 140, heardAtMs: 2_000, lookedAtMs: 4_000 });
  });

  test('is asked once it has been quiet, and again until it answers', () => {
    let peer = look(heardNow(100, 0), 100, 4_999);
    expect(judge(peer, limits, 4_999)).toBe('heard');
    peer = asked(look(peer, 100, 5_000), 5_000);
    expect(judge(peer, limits, 5_000)).toBe('ask');
    expect(judge(look(peer, 100, 59_999), limits, 59_999)).toBe('ask');
    peer = look(look(peer, 100, 59_000), 150, 60_000);
    expect(judge(peer, limits, 60_000)).toBe('heard');
  });

  test('that does not answer is silent', () => {
    const peer = asked(look(heardNow(100, 0), 100, 5_000), 5_000);
    expect(judge(look(peer, 100, 60_000), limits, 60_000)).toBe('silent');
  });

  test('is not called silent by a process that was asleep itself: it is asked first and given time', () => {
    const peer = look(heardNow(100, 0), 100, 300_000);
    expect(judge(peer, limits, 300_000)).toBe('ask');
    const waiting = asked(peer, 300_000);
    expect(judge(waiting, limits, 302_500)).toBe('ask');
    expect(judge(waiting, limits, 330_000)).toBe('silent');
  });

  test('with the default times is given up within 90 s, and heard at least every 10 s where it answers', () => {
    const { lookEveryMs, askAfterMs, silentAfterMs } = meshDefaults;
    /** A peer that answers each question within 100 ms until `quietFromMs`. */
    const life = (quietFromMs: number): { silentAtMs?: number; oldestMs: number } => {
      let bytes = 0;
      let peer: Liveness = heardNow(bytes, 0);
      let oldestMs = 0;
      for (let nowMs = lookEveryMs; nowMs < 600_000; nowMs += lookEveryMs) {
        // What a status call just before the look would have told.
        oldestMs = Math.max(oldestMs, nowMs - look(peer, bytes, nowMs).heardAtMs);
        peer = look(peer, bytes, nowMs);
        const verdict = judge(peer, { askAfterMs, silentAfterMs }, nowMs);
        if (verdict === 'silent') return { silentAtMs: nowMs, oldestMs };
        if (verdict === 'heard') continue;
        peer = asked(peer, nowMs);
        if (nowMs < quietFromMs) bytes += 8;
      }
      return { oldestMs };
    };
    expect(life(Infinity).silentAtMs).toBeUndefined();
    expect(life(Infinity).oldestMs).toBeLessThanOrEqual(10_000);
    for (const quietFromMs of [0, 1, 33_333, 100_000]) {
      expect((life(quietFromMs).silentAtMs ?? Infinity) - quietFromMs).toBeLessThan(90_000);
    }
  });
});
