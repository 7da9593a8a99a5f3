/**
 * The path of a change as spans: receive → append → flight → API request → publish. What is left of one process and taken up by
 * another is joined by the `traceparent` that the journal keeps with the change. A flight carries changes of many traces: it is a
 * child of the first that is sampled and links to the others; where none is, nothing is recorded.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';

import type { Clock } from '../../platform/clock.ts';
import { sleep } from '../../platform/clock.ts';
import type { MessagingLabels } from '../metrics/instruments.ts';
import { SCOPE } from '../metrics/metrics.ts';
import { contextOf, traceParentOf } from './trace-context.ts';

export interface TracesOptions {
  readonly resource: Resource;
  readonly processor: SpanProcessor;
  /** Share of the traces that begin here, 0–1; whether one that came with an event is sampled was decided before. */
  readonly sampling: number;
  readonly messaging: MessagingLabels;
  readonly clock: Clock;
}

/** A span under way. */
export interface OpenSpan {
  /** To be sent on: the `traceparent` of what it causes; undefined where it is not sampled. */
  readonly traceparent: string | undefined;
  /** @param error what went wrong, one of few words; absent where nothing did */
  end(error?: string): void;
}

/** A request to the territory API under way. */
export interface OpenRequest {
  /** To be sent along; none outside of a sampled flight. */
  readonly headers: Readonly<Record<string, string>>;
  end(status: number | 'timeout' | 'network'): void;
}

/** Other traces that a span may point to. */
const LINKS = 100;

const UNTRACED: OpenRequest = { headers: {}, end: () => undefined };

export class Traces {
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;
  private readonly clock: Clock;
  private readonly messaging: MessagingLabels;
  private readonly flights = new AsyncLocalStorage<Context>();

  constructor({ resource, processor, sampling, messaging, clock }: TracesOptions) {
    this.clock = clock;
    this.messaging = messaging;
    this.provider = new TracerProvider({
      resource,
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampling) }),
      spanProcessors: [processor],
    });
    this.tracer = this.provider.getTracer(SCOPE);
  }

  /** A message of the queue, from its receipt (epoch milliseconds) until it is in the journal. */
  receive(traceparent: string | undefined, receivedAt: number): OpenSpan {
    const { queue } = this.messaging;
    const attributes = this.attributes('receive', queue);
    return this.open('receive', SpanKind.CONSUMER, parentOf(traceparent), attributes, receivedAt);
  }

  /** The append within it. */
  append(traceparent: string | undefined): OpenSpan {
    return this.open('append', SpanKind.INTERNAL, parentOf(traceparent), {});
  }

  /** A message on its way to the mesh. */
  publish(traceparent: string | undefined, destination: string): OpenSpan {
    const attributes = this.attributes('send', destination);
    return this.open('publish', SpanKind.PRODUCER, parentOf(traceparent), attributes);
  }

  /** Runs a flight for changes with these parents; requests that it makes are its children. */
  async flight<Result>(
    traceparents: readonly (string | undefined)[],
    attributes: Attributes,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const [first, ...others] = sampledAmong(traceparents);
    if (!first) return work();
    const parent = trace.setSpanContext(ROOT_CONTEXT, first);
    const links = others.slice(0, LINKS).map((context) => ({ context }));
    const options = { kind: SpanKind.INTERNAL, attributes, links, startTime: this.clock.now() };
    const span = this.tracer.startSpan('flight', options, parent);
    try {
      return await this.flights.run(trace.setSpan(parent, span), work);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end(this.clock.now());
    }
  }

  /** One request to the territory API, within the flight that makes it. */
  request(method: string): OpenRequest {
    const flight = this.flights.getStore();
    if (!flight) return UNTRACED;
    const attributes = { 'http.request.method': method };
    const options = { kind: SpanKind.CLIENT, attributes, startTime: this.clock.now() };
    const span = this.tracer.startSpan(`API ${method}`, options, flight);
    return {
      headers: { traceparent: traceParentOf(span.spanContext()) },
      end: (status) => this.endRequest(span, status),
    };
  }

  /** Exports what is left within the time and ends; never rejects. */
  async stop(timeoutMs: number): Promise<void> {
    const ended = new AbortController();
    const flushed = this.provider
      .shutdown()
      .catch(() => undefined)
      .finally(() => ended.abort());
    await Promise.race([flushed, sleep(this.clock, timeoutMs, ended.signal)]);
  }

  private endRequest(span: Span, status: number | 'timeout' | 'network'): void {
    if (typeof status === 'number') span.setAttribute('http.response.status_code', status);
    if (typeof status !== 'number' || status >= 400) {
      span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(this.clock.now());
  }

  private open(
    name: string,
    kind: SpanKind,
    parent: Context,
    attributes: Attributes,
    startTime = this.clock.now(),
  ): OpenSpan {
    const span = this.tracer.startSpan(name, { kind, attributes, startTime }, parent);
    return {
      traceparent: span.isRecording() ? traceParentOf(span.spanContext()) : undefined,
      end: (error) => {
        if (error !== undefined) {
          span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end(this.clock.now());
      },
    };
  }

  private attributes(operation: string, destination: string): Attributes {
    return {
      'messaging.system': this.messaging.system,
      'messaging.operation.name': operation,
      'messaging.destination.name': destination,
    };
  }
}

function parentOf(traceparent: string | undefined): Context {
  const known = contextOf(traceparent);
  return known ? trace.setSpanContext(ROOT_CONTEXT, known) : ROOT_CONTEXT;
}

/** The sampled ones, each trace once. */
function sampledAmong(traceparents: readonly (string | undefined)[]): readonly SpanContext[] {
  const contexts = traceparents
    .flatMap((traceparent) => contextOf(traceparent) ?? [])
    .filter((context) => isSpanContextValid(context) && (context.traceFlags & TraceFlags.SAMPLED) !== 0);
  return [...new Map(contexts.map((context) => [context.traceId, context])).values()];
}
