/** How long the API asks to be left alone. */
import { parseRetryAfter } from '../platform/retry-after.ts';
import type { HttpAnswer } from './destination.ts';

/** Quotas are counted by the day. Who asks for longer, or gives a time that is none, is asked again after a day, by one read. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** Milliseconds, at most a day; undefined where the answer does not say. */
export function askedWaitMs({ headers }: Pick<HttpAnswer, 'headers'>, nowMs: number): number | undefined {
  return parseRetryAfter(headers['retry-after'], nowMs, LONGEST_WAIT_MS);
}
