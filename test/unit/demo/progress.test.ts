import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { figures, startProgress, type Snapshot } from '../../demo/progress.ts';

const SNAPSHOT: Snapshot = { ended: 31, elapsedMs: 6_200, writes: 28, conflicts: 3 };

describe('the progress of the demo', () => {
  it('tells changes, changes a second, writes, conflicts and time', () => {
    expect(figures(SNAPSHOT, 500)).toBe(' 31/500 changes    5/s   28 writes    3 conflicts   6 s');
    expect(figures({ ended: 0, elapsedMs: 0, writes: 0, conflicts: 0 }, 500)).toContain('0/s');
  });

  it('is plain lines where nobody watches a terminal, the last state among them', () => {
    const output = new PassThrough();
    const progress = startProgress({ title: 'service', total: 500, output }, () => SNAPSHOT);
    progress.stop();
    expect(String(output.read())).toBe(`service ${figures(SNAPSHOT, 500)}\n`);
  });

  it('is a bar on a terminal, full when all has ended', () => {
    const output = Object.assign(new PassThrough(), {
      isTTY: true,
      columns: 120,
      cursorTo: () => true,
      clearLine: () => true,
    });
    const progress = startProgress({ title: 'service', total: 31, output }, () => SNAPSHOT);
    progress.stop();
    expect(String(output.read())).toContain('█'.repeat(28));
  });
});
