/**
 * Export over OTLP gRPC. A collector that is down costs nothing else: metrics are cumulative, so the next export makes up for a
 * failed one and nothing piles up; spans wait in a queue of limited length and the oldest give way. An outage is two lines in the log.
 */
import { credentials as grpc } from '@grpc/grpc-js';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { PeriodicExportingMetricReader, type IMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace';

import { Availability } from '../../platform/availability.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { TelemetrySettingsError, type OtlpEndpoint } from './cloud-logging.ts';
import { toldExporter } from './told-exporter.ts';

const METRICS_INTERVAL_MS = 60_000;
/** Shorter than the interval: exports never overlap. */
const EXPORT_LIMIT_MS = 10_000;
/** Spans that wait for their export, and how many go at a time. */
const SPANS_WAITING = 2048;
const SPANS_AT_A_TIME = 512;

export interface OtlpOptions {
  readonly endpoint: OtlpEndpoint;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly metricsIntervalMs?: number;
}

/** Looks at all metrics once a minute, and exports them. */
export function otlpMetrics({
  endpoint,
  clock,
  log,
  metricsIntervalMs = METRICS_INTERVAL_MS,
}: OtlpOptions): IMetricReader {
  const exporter = new OTLPMetricExporter(exporterConfig(endpoint));
  return new PeriodicExportingMetricReader({
    exporter: toldExporter(exporter, availability('Metrics', clock, log)),
    exportIntervalMillis: metricsIntervalMs,
    exportTimeoutMillis: Math.min(EXPORT_LIMIT_MS, metricsIntervalMs),
  });
}

/** Exports spans that have ended, some seconds later. */
export function otlpSpans({ endpoint, clock, log }: OtlpOptions): SpanProcessor {
  const exporter = new OTLPTraceExporter(exporterConfig(endpoint));
  return new BatchSpanProcessor({
    exporter: toldExporter(exporter, availability('Traces', clock, log)),
    maxQueueSize: SPANS_WAITING,
    maxExportBatchSize: SPANS_AT_A_TIME,
    exportTimeoutMillis: EXPORT_LIMIT_MS,
  });
}

function exporterConfig({ url, ca, key, cert }: OtlpEndpoint) {
  return {
    url,
    credentials: credentialsOf(ca, key, cert),
    timeoutMillis: EXPORT_LIMIT_MS,
    concurrencyLimit: 1,
  };
}

/** @throws TelemetrySettingsError where they are no certificates, or the key is none */
function credentialsOf(ca: string | undefined, key: string, cert: string): ReturnType<typeof grpc.createSsl> {
  try {
    return grpc.createSsl(ca === undefined ? null : Buffer.from(ca), Buffer.from(key), Buffer.from(cert));
  } catch {
    // Without what the library says: it had the key in hand.
    throw new TelemetrySettingsError(
      'The bound Cloud Logging service has an "ingest-otlp-cert", "ingest-otlp-key" or "server-ca" that cannot be read: bind it anew.',
    );
  }
}

function availability(what: string, clock: Pick<Clock, 'now'>, log: Log): Availability {
  return new Availability(clock, log, {
    back: `${what} are exported to the collector`,
    outage: `${what} cannot be exported to the collector; tried again, and nothing else suffers`,
  });
}
