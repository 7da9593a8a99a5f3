import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../demo/figures.ts';
import { isProven, renderReport, type Report } from '../../demo/report.ts';
import type { Findings } from '../../system/checker.ts';
import { flawless } from '../../system/findings.ts';
import { outcomeOf, statsOf } from './sample-play.ts';

const FLAWLESS = flawless(4);
const FAULTY: Findings = {
  ...FLAWLESS,
  ended: 3,
  failed: 2,
  lost: 1,
  outOfOrder: 5,
  overwrittenForeign: 6,
  blindWrites: 7,
};

const service = figuresOf({
  elapsedMs: 16_149,
  findings: FLAWLESS,
  outcomes: [
    outcomeOf('a', 'applied'),
    outcomeOf('b', 'superseded'),
    outcomeOf('c', 'applied'),
    outcomeOf('d', 'unchanged'),
    // Sent again, as the mesh may.
    outcomeOf('d', 'unchanged'),
  ],
  stats: statsOf({ requests: 6, writes: 50, conflicts409: 1, conflicts412: 2, foreignWrites: 5 }),
});
const naive = figuresOf({
  elapsedMs: 7_800,
  findings: FAULTY,
  outcomes: [outcomeOf('a', 'applied'), outcomeOf('b', 'failed'), outcomeOf('c', 'failed')],
  stats: statsOf({ requests: 8, writes: 4, conflicts412: 2 }),
});
const report: Report = { service, naive, rules: ['Three nodes.', 'One lag.'], seed: 7 };

/** The cells of the row with that label. */
function row(label: string): readonly string[] {
  const line = renderReport(report)
    .split('\n')
    .find((line) => line.startsWith(label));
  return (
    line
      ?.slice(label.length)
      .trim()
      .split(/\s{2,}/) ?? []
  );
}

describe('the report of the demo', () => {
  it('has a column for each client and for the published figures before and after', () => {
    expect(row('')).toEqual(['territory-sync', 'naive client', 'published before', 'published after']);
    expect(row('failures')).toEqual(['0.0 %', '50.0 %', '30 %', '< 1 %']);
    expect(row('first publish to last outcome')).toEqual(['16.1 s', '7.8 s', '–', '8 min']);
    expect(row('changes published')).toEqual(['4', '4', '–', '500']);
  });

  it.each([
    ['ended: applied', '2', '1'],
    ['ended: superseded', '1', '0'],
    ['ended: unchanged', '1', '0'],
    ['ended: failed', '0', '2'],
    ['not ended', '0', '1'],
    ['record writes sent', '50', '4'],
    ['API requests ', '6', '8'],
    ['API requests per change', '1.50', '2.00'],
    ['conflict rate of record writes', '6.0 %', '50.0 %'],
    ['order violations', '0', '5'],
    ['lost updates', '0', '1'],
    ['foreign fields overwritten', '0', '6'],
    ['blind writes', '0', '7'],
  ])('shows %s of each client', (label, ...cells) => {
    expect(row(label)).toEqual([...cells, '–', '–']);
  });

  it('is aligned: every line of the table is as long as its heading', () => {
    const lines = renderReport(report).split('\n').slice(0, 18);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });

  it('names the faults that the check found, and says where the other figures come from', () => {
    const text = renderReport(report);
    expect(text).toContain('territory-sync passes the check: 4 of 4 ended, no fault found');
    expect(text).toContain(
      'naive client   fails the check: 1 not ended, 2 failed, 5 out of order, 1 lost, ' +
        '6 foreign fields overwritten, 7 blind writes',
    );
    expect(text).toContain('published of another system on another API, not measured here');
    expect(text).toContain('depend on the rules of the simulator');
    expect(text).toContain('  Three nodes.\n  One lag.\n');
    expect(text).toContain('Others wrote 10.0 % and 0.0 % as often');
    expect(text).toContain('--seed 7');
  });

  it('counts nothing by nothing where a run never got to publish', () => {
    const none = figuresOf({
      elapsedMs: 0,
      findings: { ...FLAWLESS, published: 0 },
      outcomes: [],
      stats: statsOf({}),
    });
    expect(none).toMatchObject({ failureRate: 0, requestsPerChange: 0, conflictRate: 0 });
  });
});

describe('the proof', () => {
  const withFindings = (found: Partial<Findings>) => ({ ...service, findings: { ...FLAWLESS, ...found } });

  it('needs a service without a fault and a naive client with one', () => {
    expect(isProven(report)).toBe(true);
    expect(isProven({ service, naive: service })).toBe(false);
    expect(isProven({ service: naive, naive })).toBe(false);
  });

  it.each(['failed', 'contradictions', 'lost', 'outOfOrder', 'overwrittenForeign', 'blindWrites'] as const)(
    'is none where the check counts a single one as %s',
    (fault) => {
      expect(isProven({ service: withFindings({ [fault]: 1 }), naive })).toBe(false);
    },
  );

  it('is none where a single change did not end', () => {
    expect(isProven({ service: withFindings({ ended: 3 }), naive })).toBe(false);
  });
});
