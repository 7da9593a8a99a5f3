/** All metrics of the process: its instruments, its levels, and whoever reads them. */
import type { Meter } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { MeterProvider, type IMetricReader } from '@opentelemetry/sdk-metrics';

import { Instruments, type MessagingLabels } from './instruments.ts';
import { observeLevels, type LevelSource } from './levels.ts';
import { Scrape } from './scrape.ts';

/** Name of the instrumentation scope. */
export const SCOPE = 'territory-sync';

export interface MetricsOptions {
  readonly resource: Resource;
  readonly messaging: MessagingLabels;
  /** Readers that export by themselves, besides the one that answers. */
  readonly readers?: readonly IMetricReader[];
}

export class Metrics {
  /** To be told what happens. */
  readonly instruments: Instruments;
  private readonly scrape = new Scrape();
  private readonly provider: MeterProvider;
  private readonly meter: Meter;

  constructor({ resource, messaging, readers = [] }: MetricsOptions) {
    this.provider = new MeterProvider({ resource, readers: [this.scrape, ...readers] });
    this.meter = this.provider.getMeter(SCOPE);
    this.instruments = new Instruments(this.meter, messaging);
  }

  /** Where the levels are to be looked at; to be called once. */
  watch(source: LevelSource): void {
    observeLevels(this.meter, source);
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.scrape.text();
  }

  /** Exports what is left within the time and ends; never rejects. */
  async stop(timeoutMs: number): Promise<void> {
    await this.provider.shutdown({ timeoutMillis: timeoutMs }).catch(() => undefined);
  }
}
