/** Metrics and traces as the environment wants them: exported where a cloud-logging service takes them, else only answered. */
import type { Configuration } from '../config/configuration.ts';
import type { Dialect } from '../mesh/dialects.ts';
import { createTelemetry, readOtlpEndpoint, type Telemetry } from '../monitor/telemetry/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

/** `messaging.system` of OpenTelemetry; where its conventions have no value, one of our own. */
const MESSAGING_SYSTEMS: Readonly<Record<Dialect, string>> = {
  'event-mesh': 'sap_event_mesh',
  rabbitmq: 'rabbitmq',
  'rabbitmq-4': 'rabbitmq',
  'service-bus': 'servicebus',
  solace: 'solace',
};

/** @throws TelemetrySettingsError if the binding cannot be used as it is */
export function openTelemetry(
  { settings, application, bindings, mesh }: Omit<Configuration, 'warnings'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Telemetry {
  const { cloudLogging } = bindings;
  const endpoint = cloudLogging && readOtlpEndpoint(cloudLogging.name, cloudLogging.credentials);
  if (cloudLogging && !endpoint) {
    log.warn(
      `The bound service ${cloudLogging.name} takes no metrics: it has no "ingest-otlp-endpoint". Make it with {"ingest_otlp": {"enabled": true}} and bind it anew.`,
    );
  }
  const { sampling: traceSampling } = settings.traces;
  if (traceSampling > 0 && !endpoint) {
    log.warn(
      'TRACE_SAMPLING is set, but nothing is traced: no cloud-logging service that takes traces is bound.',
    );
  }
  return createTelemetry({
    subject: application,
    messaging: { system: MESSAGING_SYSTEMS[mesh.endpoint.dialect], queue: settings.mesh.queue },
    ...(endpoint && { endpoint }),
    traceSampling,
    clock,
    log,
  });
}
