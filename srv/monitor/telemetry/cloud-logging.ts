/**
 * Where SAP Cloud Logging takes metrics and traces, from what its binding says: gRPC with client certificates, nothing else
 * (SAP Help, "Ingest via OpenTelemetry API Endpoint"). The keys are there only where the instance was made with `ingest_otlp`.
 */
import { pemOf, textOf } from '../../platform/credential-text.ts';

export interface OtlpEndpoint {
  /** `https://host:port` */
  readonly url: string;
  /** The client's own certificate and key, PEM. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities that are believed, PEM; absent: those that Node brings. */
  readonly ca?: string;
}

/** The binding cannot be used as it is. */
export class TelemetrySettingsError extends Error {
  override readonly name = 'TelemetrySettingsError';
  readonly code = 'TELEMETRY_SETTINGS';
}

/**
 * @param name of the binding, for messages
 * @returns undefined where the binding has no endpoint for OpenTelemetry at all
 * @throws TelemetrySettingsError naming what is missing or wrong, never quoting a value
 */
export function readOtlpEndpoint(
  name: string,
  credentials: Readonly<Record<string, unknown>>,
): OtlpEndpoint | undefined {
  const address = textOf(credentials['ingest-otlp-endpoint']);
  if (address === undefined) return undefined;
  const refuse = (why: string): never => {
    throw new TelemetrySettingsError(`The binding ${name} ${why}.`);
  };
  const pem = (key: string): string =>
    pemOf(credentials[key]) ?? refuse(`has an "ingest-otlp-endpoint" but no "${key}": bind the service anew`);
  const url = address.includes('://') ? address : `https://${address}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' || parsed.hostname === '') {
    refuse('has a wrong "ingest-otlp-endpoint": it must be a host with a port, as in host:443');
  }
  const ca = pemOf(credentials['server-ca']);
  return {
    url,
    cert: pem('ingest-otlp-cert'),
    key: pem('ingest-otlp-key'),
    ...(ca !== undefined && { ca }),
  };
}
