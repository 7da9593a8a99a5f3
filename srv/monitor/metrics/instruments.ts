/** The instruments of the catalogue, and what is told to them: counters and histograms move here, gauges in `levels.ts`. */
import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';

import type { OutcomeKind } from '../../events/outcome.ts';
import type { PublishResult } from '../../mesh/port.ts';
import type { Activity, ApiRequest } from '../activity.ts';
import type { Measurements } from '../measured.ts';
import { WRITE_RESULTS, type WriteResults } from '../write-results.ts';
import { METRICS, type MetricEntry, type NamesOf } from './catalogue.ts';

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
  private readonly counters: Readonly<Record<NamesOf<'counter'>, Counter>>;
  private readonly histograms: Readonly<Record<NamesOf<'histogram'>, Histogram>>;
  private readonly consumed: Attributes;
  private readonly processed: Attributes;
  private readonly system: string;

  constructor(meter: Meter, { system, queue }: MessagingLabels) {
    this.counters = made('counter', (name, options) => meter.createCounter(name, options));
    this.histograms = made('histogram', (name, options) => meter.createHistogram(name, options));
    this.system = system;
    this.consumed = this.messaging('receive', queue);
    this.processed = this.messaging('process', queue);
  }

  received(changes: number): void {
    this.counters.territory_sync_changes_received_total.add(changes);
  }

  ended(outcome: OutcomeKind, durationMs?: number): void {
    this.counters.territory_sync_changes_completed_total.add(1, { outcome });
    if (durationMs !== undefined) {
      this.histograms.territory_sync_change_duration_seconds.record(seconds(durationMs));
    }
  }

  writes(results: WriteResults): void {
    for (const result of WRITE_RESULTS) {
      if (results[result] > 0) this.counters.territory_sync_writes_total.add(results[result], { result });
    }
    if (results.conflict > 0) this.counters.territory_sync_conflicts_total.add(results.conflict);
  }

  apiRequest({ status }: ApiRequest): void {
    this.counters.territory_sync_api_requests_total.add(1, { status: String(status) });
  }

  /** A level: it is looked at when it is asked for. */
  backlog(): void {
    return undefined;
  }

  lockTaken(waitMs: number): void {
    this.histograms.territory_sync_lock_wait_seconds.record(seconds(waitMs));
  }

  messageConsumed(durationMs: number): void {
    this.counters['messaging.client.consumed.messages'].add(1, this.consumed);
    this.histograms['messaging.process.duration'].record(seconds(durationMs), this.processed);
  }

  messageSent(destination: string, result: PublishResult['kind'], durationMs: number): void {
    const labels = {
      ...this.messaging('send', destination),
      ...(result !== 'accepted' && { 'error.type': result }),
    };
    this.counters['messaging.client.sent.messages'].add(1, labels);
    this.histograms['messaging.client.operation.duration'].record(seconds(durationMs), labels);
  }

  flight(durationMs: number): void {
    this.histograms.territory_sync_flight_duration_seconds.record(seconds(durationMs));
  }

  propagated(lagMs: number): void {
    this.histograms.territory_sync_propagation_seconds.record(seconds(lagMs));
  }

  cacheStatus(status: string): void {
    const value = CACHE_VALUES.has(status) ? status : OTHER;
    this.counters.territory_sync_cache_status_total.add(1, { value });
  }

  private messaging(operation: 'receive' | 'process' | 'send', destination: string): Attributes {
    return {
      'messaging.system': this.system,
      'messaging.operation.name': operation,
      'messaging.destination.name': destination,
    };
  }
}

interface Options {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** One instrument for each entry of that kind. */
function made<Kind extends MetricEntry['kind'], Made>(
  kind: Kind,
  make: (name: string, options: Options) => Made,
): Readonly<Record<NamesOf<Kind>, Made>> {
  const entries: readonly (readonly [string, MetricEntry])[] = Object.entries(METRICS);
  const instruments = entries
    .filter(([, entry]) => entry.kind === kind)
    .map(([name, { unit, description, buckets }]) => {
      const advice = buckets && { explicitBucketBoundaries: [...buckets] };
      return [name, make(name, { unit, description, ...(advice && { advice }) })] as const;
    });
  return Object.fromEntries(instruments) as Record<NamesOf<Kind>, Made>;
}

/** A clock that was set may make a wall-time duration negative. */
function seconds(ms: number): number {
  return Math.max(0, ms) / 1000;
}
