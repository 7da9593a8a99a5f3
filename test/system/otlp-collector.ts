/**
 * A collector of OpenTelemetry as SAP Cloud Logging is one: OTLP over gRPC with client certificates. It decodes what it gets by the
 * wire format of Protocol Buffers, knowing the fields' numbers of opentelemetry-proto 1.x and nothing of the exporters.
 */
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';

import type { Authority } from '../integration/own-authority.ts';
import { readMetrics, readSpans, type CollectedMetric, type CollectedSpan } from './otlp-messages.ts';

export interface OtlpCollector {
  /** Credentials of a binding to it. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The latest export of metrics. */
  readonly metrics: () => readonly CollectedMetric[];
  /** All spans so far. */
  readonly spans: () => readonly CollectedSpan[];
  stop(): Promise<void>;
}

const METRICS = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** Takes clients that `authority` has certified; no others. */
export async function startOtlpCollector(authority: Authority): Promise<OtlpCollector> {
  const own = authority.certify();
  const client = authority.certify('client');
  let metrics: readonly CollectedMetric[] = [];
  const spans: CollectedSpan[] = [];
  const server = new Server();
  server.addService(service('Export', METRICS), {
    Export: (call: { readonly request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      metrics = readMetrics(call.request);
      done(null, Buffer.alloc(0));
    },
  });
  server.addService(service('Export', TRACES), {
    Export: (call: { readonly request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      spans.push(...readSpans(call.request));
      done(null, Buffer.alloc(0));
    },
  });
  const pair = { cert_chain: Buffer.from(own.cert), private_key: Buffer.from(own.key) };
  const tls = ServerCredentials.createSsl(Buffer.from(authority.ca), [pair], true);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', tls, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    credentials: {
      'ingest-otlp-endpoint': `127.0.0.1:${port}`,
      'ingest-otlp-cert': client.cert,
      'ingest-otlp-key': client.key,
      'server-ca': authority.ca,
    },
    metrics: () => metrics,
    spans: () => spans,
    async stop() {
      server.forceShutdown();
    },
  };
}

/** Messages stay bytes. */
function service(name: string, path: string): ServiceDefinition {
  const asItIs = (bytes: Buffer): Buffer => bytes;
  return {
    [name]: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    },
  };
}
