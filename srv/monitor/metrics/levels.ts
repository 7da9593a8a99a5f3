/** The gauges: levels that nobody's event tells, looked at whenever the metrics are asked for. */
import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';

import type { JournalFigures } from '../../journal/port.ts';
import { METRICS, type MetricName, type NamesOf } from './catalogue.ts';

/** What is known at once. */
export interface KnownLevels {
  readonly conflictRate: number;
  /** Records per flight. */
  readonly batchSize: number;
  readonly breaker: 'closed' | 'probing' | 'open' | 'quota';
  /** Undefined where no budget is set. */
  readonly budgetUsedRatio: number | undefined;
}

export interface LevelSource {
  known(): KnownLevels;
  /** May reject while the journal does not answer: then its gauges have no value. */
  journal(): Promise<Pick<JournalFigures, 'pendingChanges' | 'lanes' | 'outboxUnsent'>>;
  /** Open dead letters; may reject likewise. */
  deadLetters(): Promise<number>;
}

const BREAKER_STATES = { closed: 0, probing: 1, open: 2, quota: 3 } as const;

/** Observes these levels for as long as the meter lives. */
export function observeLevels(meter: Meter, source: LevelSource): void {
  const gauges = new Map<MetricName, Observable>();
  const of = (name: NamesOf<'gauge'>): Observable => {
    const { unit, description } = METRICS[name];
    const gauge = gauges.get(name) ?? meter.createObservableGauge(name, { unit, description });
    gauges.set(name, gauge);
    return gauge;
  };
  const watch = (names: readonly NamesOf<'gauge'>[], look: (result: BatchObservableResult) => unknown) =>
    meter.addBatchObservableCallback(async (result) => void (await look(result)), names.map(of));

  watch(
    [
      'territory_sync_conflict_rate',
      'territory_sync_batch_size',
      'territory_sync_breaker_state',
      'territory_sync_api_budget_used_ratio',
    ],
    (result) => {
      const { conflictRate, batchSize, breaker, budgetUsedRatio } = source.known();
      result.observe(of('territory_sync_conflict_rate'), conflictRate);
      result.observe(of('territory_sync_batch_size'), batchSize);
      result.observe(of('territory_sync_breaker_state'), BREAKER_STATES[breaker]);
      if (budgetUsedRatio !== undefined) {
        result.observe(of('territory_sync_api_budget_used_ratio'), budgetUsedRatio);
      }
    },
  );
  watch(
    ['territory_sync_backlog_changes', 'territory_sync_lanes', 'territory_sync_outbox_unsent'],
    async (result) => {
      const { pendingChanges, lanes, outboxUnsent } = await source.journal();
      result.observe(of('territory_sync_backlog_changes'), pendingChanges);
      for (const [state, count] of Object.entries(lanes)) {
        result.observe(of('territory_sync_lanes'), count, { state });
      }
      result.observe(of('territory_sync_outbox_unsent'), outboxUnsent);
    },
  );
  watch(['territory_sync_dead_letters'], async (result) => {
    result.observe(of('territory_sync_dead_letters'), await source.deadLetters());
  });
}
