import { describe, expect, it } from 'vitest';
import { createStopRule } from '../../../srv/territory-api/stop-rule.ts';
import { noAnswer } from '../../../srv/territory-api/trouble.ts';

const at = (nowMs: () => number) => ({ now: nowMs, monotonicMs: nowMs, after: () => ({ cancel() {} }) });
const answered = { kind: 'judged' };
const failed = noAnswer('network', 'broken', 'sent');

describe('a write of many requests', () => {
  it('goes on while requests are answered, and after a failure between answers', () => {
    const rule = createStopRule(
      at(() => 0),
      1_000,
    );
    for (const outcome of [answered, failed, answered, failed, answered]) rule.note(outcome);
    expect(rule.stopped()).toBeUndefined();
  });

  it('ends after two failures in a row', () => {
    const rule = createStopRule(
      at(() => 0),
      1_000,
    );
    rule.note(failed);
    expect(rule.stopped()).toBeUndefined();
    rule.note(failed);
    expect(rule.stopped()).toMatchObject({ kind: 'trouble', sent: false });
  });

  it.each(['throttled', 'unauthorized', 'forbidden', 'destination'] as const)(
    'ends at once when %s',
    (reason) => {
      const rule = createStopRule(
        at(() => 0),
        1_000,
      );
      rule.note(noAnswer(reason, 'x', 'not-sent'));
      rule.note(answered);
      expect(rule.stopped()).toMatchObject({ kind: 'trouble', sent: false, trouble: { reason } });
    },
  );

  it('begins no request later than one time-out after the first', () => {
    let nowMs = 5_000;
    const rule = createStopRule(
      at(() => nowMs),
      1_000,
    );
    nowMs = 6_000;
    expect(rule.stopped()).toBeUndefined();
    nowMs = 6_001;
    expect(rule.stopped()).toEqual({ kind: 'not-begun' });
  });
});
