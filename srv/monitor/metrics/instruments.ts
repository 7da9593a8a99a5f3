/** What is told to the metrics: the counters' numbers are in `counts.ts`, the gauges in `levels.ts`. */
import type { Attributes, Histogram, Meter } from '@opentelemetry/api';

import type { OutcomeKind } from '../../events/outcome.ts';
import type { PublishResult } from '../../mesh/port.ts';
import type { Activity, ApiRequest } from '../activity.ts';
import type { Measurements } from '../measured.ts';
import { WRITE_RESULTS, type WriteResult, type WriteResults } from '../write-results.ts';
import { METRICS, type MetricEntry, type NamesOf } from './catalogue.ts';
import { Counts, type Count } from './counts.ts';

/** What is fixed for a process and stands in the labels of its messages. */
export interface MessagingLabels {
  /** Name of the broker's kind, as the semantic conventions have it, or our own. */
  readonly system: string;
  /** The queue that is consumed. */
  readonly queue: string;
}

/** The values of caches that are common; any other is counted as `other`, so that no server can make labels without end. */
const CACHE_VALUES: ReadonlySet<string> = new Set(
  'HIT MISS BYPASS REFRESH REVALIDATED EXPIRED STALE UPDATING DYNAMIC PASS REFRESH_HIT REFRESH_MISS'.split(
    ' ',
  ),
);

const OTHER = 'other';

/** Nothing here throws. */
export class Instruments implements Activity, Measurements {
  private readonly histograms: Readonly<Record<NamesOf<'histogram'>, Histogram>>;
  private readonly system: string;
  private readonly changesReceived: Count;
  private readonly changesCompleted: (outcome: OutcomeKind) => Count;
  private readonly recordWrites: (result: WriteResult) => Count;
  private readonly conflicts: Count;
  private readonly apiRequests: (status: ApiRequest['status']) => Count;
  private readonly cacheStatuses: (value: string) => Count;
  private readonly consumed: Count;
  private readonly processed: Attributes;
  private readonly sent: (destination: string) => (result: PublishResult['kind']) => Count;

  constructor(meter: Meter, { system, queue }: MessagingLabels) {
    this.histograms = histograms(meter);
    this.system = system;
    const counts = new Counts(meter);
    this.changesReceived = counts.series('territory_sync_changes_received_total');
    this.changesCompleted = remembered((outcome) =>
      counts.series('territory_sync_changes_completed_total', { outcome }),
    );
    this.recordWrites = remembered((result) => counts.series('territory_sync_writes_total', { result }));
    this.conflicts = counts.series('territory_sync_conflicts_total');
    this.apiRequests = remembered((status) =>
      counts.series('territory_sync_api_requests_total', { status: String(status) }),
    );
    this.cacheStatuses = remembered((value) => counts.series('territory_sync_cache_status_total', { value }));
    this.consumed = counts.series('messaging.client.consumed.messages', this.messaging('receive', queue));
    this.processed = this.messaging('process', queue);
    this.sent = remembered((destination) => {
      const labels = this.messaging('send', destination);
      return remembered((result) =>
        counts.series('messaging.client.sent.messages', {
          ...labels,
          ...(result !== 'accepted' && { 'error.type': result }),
        }),
      );
    });
  }

  received(changes: number): void {
    this.changesReceived.add(changes);
  }

  ended(outcome: OutcomeKind, durationMs?: number): void {
    this.changesCompleted(outcome).add(1);
    if (durationMs !== undefined) {
      this.histograms.territory_sync_change_duration_seconds.record(seconds(durationMs));
    }
  }

  writes(results: WriteResults): void {
    for (const result of WRITE_RESULTS) this.recordWrites(result).add(results[result]);
    this.conflicts.add(results.conflict);
  }

  apiRequest({ status }: ApiRequest): void {
    this.apiRequests(status).add(1);
  }

  /** A level: it is looked at when it is asked for. */
  backlog(): void {
    return undefined;
  }

  lockTaken(waitMs: number): void {
    this.histograms.territory_sync_lock_wait_seconds.record(seconds(waitMs));
  }

  messageConsumed(durationMs: number): void {
    this.consumed.add(1);
    this.histograms['messaging.process.duration'].record(seconds(durationMs), this.processed);
  }

  messageSent(destination: string, result: PublishResult['kind'], durationMs: number): void {
    const sent = this.sent(destination)(result);
    sent.add(1);
    this.histograms['messaging.client.operation.duration'].record(seconds(durationMs), sent.labels);
  }

  flight(durationMs: number): void {
    this.histograms.territory_sync_flight_duration_seconds.record(seconds(durationMs));
  }

  propagated(lagMs: number): void {
    this.histograms.territory_sync_propagation_seconds.record(seconds(lagMs));
  }

  cacheStatus(status: string): void {
    this.cacheStatuses(CACHE_VALUES.has(status) ? status : OTHER).add(1);
  }

  private messaging(operation: 'receive' | 'process' | 'send', destination: string): Attributes {
    return {
      'messaging.system': this.system,
      'messaging.operation.name': operation,
      'messaging.destination.name': destination,
    };
  }
}

/** One for each of the catalogue. */
function histograms(meter: Meter): Readonly<Record<NamesOf<'histogram'>, Histogram>> {
  const entries: readonly (readonly [string, MetricEntry])[] = Object.entries(METRICS);
  const made = entries.flatMap(([name, { unit, description, buckets }]) => {
    if (!buckets) return [];
    const advice = { explicitBucketBoundaries: [...buckets] };
    return [[name, meter.createHistogram(name, { unit, description, advice })]];
  });
  return Object.fromEntries(made) as Record<NamesOf<'histogram'>, Histogram>;
}

/** Made once for each key. */
function remembered<Key, Made>(make: (key: Key) => Made): (key: Key) => Made {
  const known = new Map<Key, Made>();
  return (key) => {
    const made = known.get(key) ?? make(key);
    known.set(key, made);
    return made;
  };
}

/** A clock that was set may make a wall-time duration negative. */
function seconds(ms: number): number {
  return Math.max(0, ms) / 1000;
}
