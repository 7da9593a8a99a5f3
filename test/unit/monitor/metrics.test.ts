import { resourceFromAttributes } from '@opentelemetry/resources';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';

import { METRICS } from '../../../srv/monitor/metrics/catalogue.ts';
import type { KnownLevels, LevelSource } from '../../../srv/monitor/metrics/levels.ts';
import { Metrics } from '../../../srv/monitor/metrics/metrics.ts';
import { Scrape } from '../../../srv/monitor/metrics/scrape.ts';
import { series } from '../../system/prometheus.ts';

const IDLE = { ready: 0, 'in-flight': 0, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 };

function metrics(
  levels: Partial<LevelSource> = {},
  known: Partial<KnownLevels> = {},
  readers: readonly IMetricReader[] = [],
) {
  const made = new Metrics({
    resource: resourceFromAttributes({}),
    messaging: { system: 'sap_event_mesh', queue: 'q' },
    readers,
  });
  made.watch({
    known: () => ({
      conflictRate: 0,
      batchSize: 50,
      breaker: 'closed',
      budgetUsedRatio: undefined,
      ...known,
    }),
    journal: async () => ({ pendingChanges: 0, lanes: IDLE, outboxUnsent: 0 }),
    deadLetters: async () => 0,
    ...levels,
  });
  return { made, told: made.instruments, read: async () => series(await made.text()) };
}

describe('the metrics', () => {
  it('have the names that others build on', () => {
    const own = Object.keys(METRICS).filter((name) => !name.startsWith('messaging.'));
    expect(own.map((name) => name.replace('territory_sync_', ''))).toEqual([
      'changes_received_total',
      'changes_completed_total',
      'writes_total',
      'conflicts_total',
      'conflict_rate',
      'backlog_changes',
      'lanes',
      'dead_letters',
      'batch_size',
      'flight_duration_seconds',
      'change_duration_seconds',
      'api_requests_total',
      'lock_wait_seconds',
      'outbox_unsent',
      'breaker_state',
      'propagation_seconds',
      'cache_status_total',
      'api_budget_used_ratio',
    ]);
  });

  it('count what is told', async () => {
    const { told, read } = metrics();
    told.received(3);
    told.ended('applied', 1500);
    told.ended('failed');
    told.writes({ ok: 5, conflict: 2, refused: 1, trouble: 0, 'in-doubt': 1 });
    told.apiRequest({ status: 207 });
    told.apiRequest({ status: 'timeout' });
    told.lockTaken(250);
    told.flight(40);
    told.propagated(2100);
    told.cacheStatus('HIT');
    told.messageConsumed(12);
    told.messageSent('topic', 'accepted', 8);
    told.messageSent('topic', 'unconfirmed', 8);
    expect(await read()).toMatchObject({
      territory_sync_changes_received_total: 3,
      'territory_sync_changes_completed_total{outcome="applied"}': 1,
      'territory_sync_changes_completed_total{outcome="failed"}': 1,
      territory_sync_change_duration_seconds_count: 1,
      territory_sync_change_duration_seconds_sum: 1.5,
      'territory_sync_writes_total{result="ok"}': 5,
      'territory_sync_writes_total{result="conflict"}': 2,
      'territory_sync_writes_total{result="refused"}': 1,
      'territory_sync_writes_total{result="in-doubt"}': 1,
      territory_sync_conflicts_total: 2,
      'territory_sync_api_requests_total{status="207"}': 1,
      'territory_sync_api_requests_total{status="timeout"}': 1,
      territory_sync_lock_wait_seconds_sum: 0.25,
      territory_sync_flight_duration_seconds_sum: 0.04,
      territory_sync_propagation_seconds_sum: 2.1,
      'territory_sync_cache_status_total{value="HIT"}': 1,
      'messaging_client_consumed_messages_total{messaging_system="sap_event_mesh",messaging_operation_name="receive",messaging_destination_name="q"}': 1,
      'messaging_client_sent_messages_total{messaging_system="sap_event_mesh",messaging_operation_name="send",messaging_destination_name="topic"}': 1,
      'messaging_client_sent_messages_total{messaging_system="sap_event_mesh",messaging_operation_name="send",messaging_destination_name="topic",error_type="unconfirmed"}': 1,
    });
  });

  it('look at levels when they are asked for', async () => {
    let pending = 4;
    const { read } = metrics(
      {
        journal: async () => ({
          pendingChanges: pending,
          lanes: { ...IDLE, resting: 2 },
          outboxUnsent: 7,
        }),
        deadLetters: async () => 3,
      },
      { conflictRate: 0.25, batchSize: 20, breaker: 'quota', budgetUsedRatio: 0.5 },
    );
    expect(await read()).toMatchObject({
      territory_sync_backlog_changes: 4,
      'territory_sync_lanes{state="resting"}': 2,
      'territory_sync_lanes{state="ready"}': 0,
      territory_sync_outbox_unsent: 7,
      territory_sync_dead_letters: 3,
      territory_sync_conflict_rate: 0.25,
      territory_sync_batch_size: 20,
      territory_sync_breaker_state: 3,
      territory_sync_api_budget_used_ratio: 0.5,
    });
    pending = 0;
    expect(await read()).toMatchObject({ territory_sync_backlog_changes: 0 });
  });

  it.each([
    ['closed', 0],
    ['probing', 1],
    ['open', 2],
    ['quota', 3],
  ] as const)('say %s of the breaker as %i', async (breaker, number) => {
    expect(await metrics({}, { breaker }).read()).toMatchObject({ territory_sync_breaker_state: number });
  });

  it('leave out what the journal does not answer, and tell the rest', async () => {
    const { read } = metrics({ journal: () => Promise.reject(new Error('away')) });
    const known = await read();
    expect(known).toMatchObject({ territory_sync_dead_letters: 0, territory_sync_batch_size: 50 });
    expect(Object.keys(known)).not.toContain('territory_sync_backlog_changes');
  });

  it('have no series before something is counted in it', async () => {
    const { told, read } = metrics();
    told.writes({ ok: 1, conflict: 0, refused: 0, trouble: 0, 'in-doubt': 0 });
    const known = await read();
    expect(
      Object.keys(known).filter((key) => /^territory_sync_(writes|conflicts|changes)_/.test(key)),
    ).toEqual(['territory_sync_writes_total{result="ok"}']);
  });

  it('tell each of several readers all that was counted, whoever looks in between', async () => {
    const second = new Scrape();
    const { told, read } = metrics({}, {}, [second]);
    told.received(3);
    expect(await read()).toMatchObject({ territory_sync_changes_received_total: 3 });
    told.received(4);
    expect(await read()).toMatchObject({ territory_sync_changes_received_total: 7 });
    expect(series(await second.text())).toMatchObject({ territory_sync_changes_received_total: 7 });
  });

  it('make no label of what a server says', async () => {
    const { told, read } = metrics();
    for (let index = 0; index < 50; index += 1) told.cacheStatus(`VALUE-${index}`);
    expect(await read()).toMatchObject({ 'territory_sync_cache_status_total{value="other"}': 50 });
  });
});
