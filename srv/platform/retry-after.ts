/** `Retry-After` (RFC 9110, 10.2.3): seconds, or one of the three date forms that a recipient must understand. */

const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Milliseconds to wait, 0 for a date that has passed; undefined where the header is absent or unreadable.
 * @param nowMs wall time, milliseconds since the epoch: what a date is compared with
 * @param longestMs no wait longer than this is taken from a header: who asks once in that time asks too much of nobody
 */
export function parseRetryAfter(
  value: string | undefined,
  nowMs: number,
  longestMs: number,
): number | undefined {
  const text = value?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text) * 1000, longestMs);
  const date = ASCTIME.test(text) ? `${text} GMT` : text;
  if (date === text && !IMF_FIXDATE.test(text) && !RFC_850.test(text)) return undefined;
  const atMs = Date.parse(date);
  if (Number.isNaN(atMs)) return undefined;
  return Math.min(Math.max(atMs - nowMs, 0), longestMs);
}
