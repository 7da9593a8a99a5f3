import { describe, expect, it } from 'vitest';

import { summarySource, type SummaryParts } from '../../../srv/http/operations/summary-source.ts';
import { summaryBody } from '../../../srv/http/operations/summary.ts';
import { ActivityRecord } from '../../../srv/monitor/activity.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const NOON = '2026-11-22T12:00:00.000Z';
const LATER = '2026-11-22T12:00:05.000Z';
const LANES = { ready: 2, 'in-flight': 4, retrying: 1, resting: 9, locked: 0, held: 1, paused: 0 };

function parts(more: Partial<SummaryParts> = {}): SummaryParts {
  const clock = new ManualClock(NOON_MS);
  return {
    clock,
    readiness: () => ({ mode: 'embedded', receiver: 'active', checks: [] }),
    journal: {
      figures: async () => ({
        pendingChanges: 120,
        oldestReceivedAt: NOON_MS,
        lanes: LANES,
        outboxUnsent: 1,
      }),
    },
    deadLetters: { counts: async () => ({ open: 3, byTerritory: new Map() }) },
    processing: { paused: () => ({ intake: false, flights: true }) },
    activity: new ActivityRecord({ clock, conflicts: { windowS: 300, alertRate: 0.05 } }),
    breaker: { state: 'closed', since: NOON_MS, nextProbeAt: undefined, reason: undefined },
    mesh: { status: () => ({ state: 'open', since: NOON_MS, lastFrameAtMs: 1 }) },
    batchSize: () => 50,
    budget: { limit: undefined, used: 7, freesAt: undefined },
    ...more,
  };
}

const bodyOf = async (more?: Partial<SummaryParts>) =>
  JSON.parse(JSON.stringify(summaryBody(await summarySource(parts(more))()))) as unknown;

describe('the summary', () => {
  it('has every member of the contract and no other', async () => {
    expect(await bodyOf()).toEqual({
      at: NOON,
      mode: 'embedded',
      instances: 1,
      backlog: { changes: 120, oldestReceivedAt: NOON, deadLetters: 3, outboxUnsent: 1 },
      lanes: LANES,
      rates: { receivedPerMinute: 0, completedPerMinute: 0, apiRequestsPerMinute: 0 },
      conflicts: { rate: 0, writes: 0, conflicted: 0, windowSeconds: 300, alert: false },
      batchSize: 50,
      breaker: { state: 'closed', since: NOON, nextProbeAt: null, reason: null },
      quota: { limit: null, used: 7, freesAt: null },
      mesh: { state: 'open', receiver: 'active', since: NOON },
      paused: { intake: false, flights: true },
      perMinute: [
        {
          at: NOON,
          received: 0,
          applied: 0,
          unchanged: 0,
          superseded: 0,
          failed: 0,
          writes: 0,
          conflicts: 0,
          backlog: 120,
        },
      ],
    });
  });

  it('says why the API is left alone, until when, and what of its budget is gone', async () => {
    const nextProbeAt = NOON_MS + 5000;
    expect(
      await bodyOf({
        breaker: {
          state: 'open',
          since: NOON_MS,
          nextProbeAt,
          reason: { reason: 'unavailable', status: 503, message: 'HTTP 503' },
        },
        budget: { limit: 100, used: 100, freesAt: nextProbeAt },
      }),
    ).toMatchObject({
      breaker: { state: 'open', since: NOON, nextProbeAt: LATER, reason: 'HTTP 503' },
      quota: { limit: 100, used: 100, freesAt: LATER },
    });
  });

  it('has no oldest change where none is pending', async () => {
    const journal = { figures: async () => ({ pendingChanges: 0, lanes: LANES, outboxUnsent: 0 }) };
    expect(await bodyOf({ journal })).toMatchObject({ backlog: { changes: 0, oldestReceivedAt: null } });
  });

  it('fails where the journal does, instead of showing what is not so', async () => {
    const journal = { figures: () => Promise.reject(new Error('away')) };
    await expect(bodyOf({ journal })).rejects.toThrow('away');
  });
});
