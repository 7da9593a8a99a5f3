/**
 * A dead letter's history as it travels in an application property: brokers limit those, so it is cut to a size. The first
 * step and the newest ones tell most; what is left out between them is counted, and the text stays valid JSON.
 */
import { cutLine } from './text.ts';

/** One step of a change's path. */
export interface PathStep {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly step: string;
  readonly assignment?: string;
  readonly detail?: string;
}

/** A step as written: `at` in ISO 8601. The step `omitted` stands for those left out and has no time. */
export interface WrittenStep {
  readonly at?: string;
  readonly step: string;
  readonly assignment?: string;
  readonly detail?: string;
}

export const HISTORY_BYTES = 8192;

/** Room for the step that stands for those left out. */
const OMITTED_BYTES = 64;

/** The steps, oldest first, as a JSON array of at most `HISTORY_BYTES` bytes in UTF-8. */
export function encodeHistory(steps: readonly PathStep[]): string {
  const written = steps.map((step) => JSON.stringify(writtenStep(step)));
  const all = `[${written.join(',')}]`;
  const [first] = written;
  if (first === undefined || Buffer.byteLength(all) <= HISTORY_BYTES) return all;

  let room = HISTORY_BYTES - 2 - Buffer.byteLength(first) - 1 - OMITTED_BYTES;
  let start = written.length;
  for (; start > 1; start -= 1) {
    room -= 1 + Buffer.byteLength(written[start - 1] ?? '');
    if (room < 0) break;
  }
  const omitted = JSON.stringify({ step: 'omitted', detail: `${start - 1} steps` });
  return `[${[first, omitted, ...written.slice(start)].join(',')}]`;
}

/** The way back; whatever is no step is passed over. */
export function decodeHistory(text: unknown): readonly WrittenStep[] {
  if (typeof text !== 'string') return [];
  try {
    const steps = JSON.parse(text) as unknown;
    return Array.isArray(steps) ? steps.filter(isWrittenStep) : [];
  } catch {
    return [];
  }
}

function writtenStep({ at, step, assignment, detail }: PathStep): WrittenStep {
  return {
    at: new Date(at).toISOString(),
    step,
    ...(assignment !== undefined && { assignment }),
    ...(detail !== undefined && { detail: cutLine(detail) }),
  };
}

function isWrittenStep(value: unknown): value is WrittenStep {
  if (typeof value !== 'object' || value === null) return false;
  const { at, step, assignment, detail } = value as Record<string, unknown>;
  return (
    typeof step === 'string' &&
    [at, assignment, detail].every((part) => part === undefined || typeof part === 'string')
  );
}
