/** Everything at a glance: the body of `GET summary`. */
import type { FastifyInstance } from 'fastify';

import type { JournalFigures } from '../../journal/port.ts';
import type { MeshStatus } from '../../mesh/port.ts';
import type { ActivityFigures } from '../../monitor/activity.ts';
import type { Minute } from '../../monitor/minute-series.ts';
import type { ProcessingSwitch } from '../../operations/port.ts';
import type { Readiness } from '../health.ts';
import { check, NOTHING } from './input.ts';
import { isoTime, isoTimeOrNull } from './times.ts';

/** What the summary tells, as the parts know it; times in epoch milliseconds. */
export interface Summary {
  readonly at: number;
  readonly mode: Readiness['mode'];
  readonly receiver: Readiness['receiver'];
  /** Known to work on this journal. */
  readonly instances: number;
  readonly journal: JournalFigures;
  /** Open ones. */
  readonly deadLetters: number;
  readonly activity: ActivityFigures;
  /** Records per flight. */
  readonly batchSize: number;
  readonly breaker: {
    readonly state: string;
    readonly since: number;
    readonly nextProbeAt?: number;
    readonly reason?: string;
  };
  /** Requests of the last 24 hours; `limit` absent where none is set, `freesAt` while nothing waits for it. */
  readonly quota: { readonly limit?: number; readonly used: number; readonly freesAt?: number };
  readonly mesh: Pick<MeshStatus, 'state' | 'since'>;
  readonly paused: ReturnType<ProcessingSwitch['paused']>;
}

export type SummarySource = () => Promise<Summary>;

/** `GET summary` */
export function summaryRoutes(server: FastifyInstance, summary: SummarySource): void {
  server.get('/summary', async ({ query }) => {
    check(NOTHING, query, 'query');
    return summaryBody(await summary());
  });
}

export function summaryBody(summary: Summary) {
  const { journal, activity, breaker, quota, mesh, paused } = summary;
  return {
    at: isoTime(summary.at),
    mode: summary.mode,
    instances: summary.instances,
    backlog: {
      changes: journal.pendingChanges,
      oldestReceivedAt: isoTimeOrNull(journal.oldestReceivedAt),
      deadLetters: summary.deadLetters,
      outboxUnsent: journal.outboxUnsent,
    },
    lanes: journal.lanes,
    rates: activity.rates,
    conflicts: activity.conflicts,
    batchSize: summary.batchSize,
    breaker: {
      state: breaker.state,
      since: isoTime(breaker.since),
      nextProbeAt: isoTimeOrNull(breaker.nextProbeAt),
      reason: breaker.reason ?? null,
    },
    quota: {
      limit: quota.limit ?? null,
      used: quota.used,
      freesAt: isoTimeOrNull(quota.freesAt),
    },
    mesh: { state: mesh.state, receiver: summary.receiver, since: isoTime(mesh.since) },
    paused: { intake: paused.intake, flights: paused.flights },
    perMinute: activity.perMinute.map(minuteBody),
  };
}

function minuteBody({
  at,
  received,
  applied,
  unchanged,
  superseded,
  failed,
  writes,
  conflicts,
  backlog,
}: Minute) {
  return {
    at: isoTime(at),
    received,
    applied,
    unchanged,
    superseded,
    failed,
    writes,
    conflicts,
    backlog,
  };
}
