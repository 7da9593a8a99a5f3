/** Metrics and traces of the process from outside: made at start, stopped last. */
import type { Resource } from '@opentelemetry/resources';

import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { MessagingLabels } from '../metrics/instruments.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Traces } from '../traces/traces.ts';
import type { OtlpEndpoint } from './cloud-logging.ts';
import { otlpMetrics, otlpSpans } from './otlp.ts';
import { telemetryResource, type TelemetrySubject } from './resource.ts';

export { readOtlpEndpoint, TelemetrySettingsError } from './cloud-logging.ts';

export interface TelemetryOptions {
  readonly subject: TelemetrySubject;
  readonly messaging: MessagingLabels;
  /** Where both are exported to; absent: metrics are answered only, and there are no traces. */
  readonly endpoint?: OtlpEndpoint;
  /** Share of traces that begin here, 0–1; 0: no traces at all. */
  readonly traceSampling: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metricsIntervalMs?: number;
}

export interface Telemetry {
  readonly metrics: Metrics;
  /** Absent: nothing is traced, and nothing is spent on it. */
  readonly traces?: Traces;
  /** Exports what is left, for a few seconds at most; never rejects. */
  stop(): Promise<void>;
}

/** What is not exported by then is given up: the collector may be what is down. */
const FLUSH_LIMIT_MS = 3000;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { endpoint, messaging } = options;
  const resource = telemetryResource(options.subject);
  const readers = endpoint ? [otlpMetrics({ ...options, endpoint })] : [];
  const metrics = new Metrics({ resource, messaging, readers });
  const traces = createTraces(options, resource);
  return {
    metrics,
    ...(traces && { traces }),
    async stop() {
      await Promise.all([metrics.stop(FLUSH_LIMIT_MS), traces?.stop(FLUSH_LIMIT_MS)]);
    },
  };
}

function createTraces(options: TelemetryOptions, resource: Resource): Traces | undefined {
  const { endpoint, traceSampling, messaging, clock } = options;
  if (!endpoint || traceSampling === 0) return undefined;
  const processor = otlpSpans({ ...options, endpoint });
  return new Traces({ resource, processor, sampling: traceSampling, messaging, clock });
}
