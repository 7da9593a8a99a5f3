/**
 * The counters of the catalogue as plain numbers: to tell one is an addition, and OpenTelemetry looks at them when the metrics are
 * asked for. (To its own counters one says all labels each time, which it sorts and writes out to find the time series, and once more
 * for each reader: as much as all the rest of the metrics.)
 */
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';

import { METRICS, type NamesOf } from './catalogue.ts';

/** What one time series has counted. */
export class Count {
  readonly labels: Attributes;
  private counted = 0;

  constructor(labels: Attributes) {
    this.labels = labels;
  }

  /** @param count not negative */
  add(count: number): void {
    this.counted += count;
  }

  /** A series begins with what is counted first. */
  observe(result: ObservableResult): void {
    if (this.counted > 0) result.observe(this.counted, this.labels);
  }
}

export class Counts {
  private readonly meter: Meter;
  private readonly byCounter = new Map<NamesOf<'counter'>, Count[]>();

  constructor(meter: Meter) {
    this.meter = meter;
  }

  /** A new time series of that counter, with labels that no other one of it has. */
  series(name: NamesOf<'counter'>, labels: Attributes = {}): Count {
    const known = this.byCounter.get(name) ?? this.observed(name);
    const count = new Count(labels);
    known.push(count);
    return count;
  }

  private observed(name: NamesOf<'counter'>): Count[] {
    const { unit, description } = METRICS[name];
    const series: Count[] = [];
    this.meter.createObservableCounter(name, { unit, description }).addCallback((result) => {
      for (const count of series) count.observe(result);
    });
    this.byCounter.set(name, series);
    return series;
  }
}
