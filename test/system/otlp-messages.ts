/** What the exports hold, read by field numbers of opentelemetry-proto 1.x: metrics with their points, spans with their links. */
import { parts, type Part } from './protobuf.ts';

export interface CollectedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly { readonly labels: Labels; readonly value: number }[];
}

export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of its trace. */
  readonly parentId: string;
  readonly labels: Labels;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly resource: Labels;
}

export type Labels = Readonly<Record<string, string>>;

/** Of histograms the number of values. */
export function readMetrics(bytes: Buffer): readonly CollectedMetric[] {
  return inside(bytes, 1, 2, 2).map((metric) => {
    const numbers = [...inside(metric, 5, 1), ...inside(metric, 7, 1)].map((point) => ({
      labels: labelsOf(point, 7),
      value: numberOf(point),
    }));
    const histograms = inside(metric, 9, 1).map((point) => ({
      labels: labelsOf(point, 9),
      value: Number(bytesOf(point, 4).readBigUInt64LE()),
    }));
    return { name: textOf(metric, 1), unit: textOf(metric, 3), points: [...numbers, ...histograms] };
  });
}

export function readSpans(bytes: Buffer): readonly CollectedSpan[] {
  return inside(bytes, 1).flatMap((resourceSpans) => {
    const resource = Object.assign({}, ...inside(resourceSpans, 1).map((one) => labelsOf(one, 1))) as Labels;
    return inside(resourceSpans, 2, 2).map((span) => ({
      name: textOf(span, 5),
      traceId: bytesOf(span, 1).toString('hex'),
      spanId: bytesOf(span, 2).toString('hex'),
      parentId: bytesOf(span, 4).toString('hex'),
      labels: labelsOf(span, 9),
      links: inside(span, 13).map((link) => ({
        traceId: bytesOf(link, 1).toString('hex'),
        spanId: bytesOf(link, 2).toString('hex'),
      })),
      resource,
    }));
  });
}

/** Messages found by following these field numbers. */
function inside(bytes: Buffer, ...path: readonly number[]): readonly Buffer[] {
  return path.reduce<readonly Buffer[]>(
    (found, field) => found.flatMap((one) => parts(one).flatMap((part) => bytesIn(part, field))),
    [bytes],
  );
}

function bytesIn(part: Part, field: number): readonly Buffer[] {
  return part.field === field && Buffer.isBuffer(part.value) ? [part.value] : [];
}

function bytesOf(message: Buffer, field: number): Buffer {
  return inside(message, field)[0] ?? Buffer.alloc(0);
}

function textOf(message: Buffer, field: number): string {
  return bytesOf(message, field).toString();
}

/** Key 1, value 2, of which 1 is a text and 3 an integer. */
function labelsOf(message: Buffer, field: number): Labels {
  return Object.fromEntries(
    inside(message, field).map((pair) => {
      const [value] = parts(bytesOf(pair, 2));
      return [textOf(pair, 1), String(value?.value ?? '')];
    }),
  );
}

/** A double in field 4 or an integer in field 6, eight bytes each. */
function numberOf(point: Buffer): number {
  const double = bytesOf(point, 4);
  return double.length === 8 ? double.readDoubleLE() : Number(bytesOf(point, 6).readBigInt64LE());
}
