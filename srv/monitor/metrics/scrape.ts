/** The metrics as Prometheus reads them: collected when they are asked for, written by OpenTelemetry's own serializer. */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MetricReader } from '@opentelemetry/sdk-metrics';

/** A journal that does not answer by then has no figures in this answer. */
const LOOK_LIMIT_MS = 2000;

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export class Scrape extends MetricReader {
  // No scope labels on each line, and no timestamps: Prometheus knows when it asked.
  private readonly serializer = new PrometheusSerializer(undefined, false, undefined, false, true);

  /** All metrics in the text format; never rejects. What could not be looked at in time is left out. */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.collect({ timeoutMillis: LOOK_LIMIT_MS });
    return this.serializer.serialize(resourceMetrics);
  }

  protected override async onForceFlush(): Promise<void> {
    return undefined;
  }

  protected override async onShutdown(): Promise<void> {
    return undefined;
  }
}
