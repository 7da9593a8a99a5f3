/** Points in time as texts hold them, to the last digit: what is equal to the millisecond may still be two versions of a value. */

/** Whole seconds since the epoch, and the digits behind them without closing zeros. */
export interface Instant {
  readonly seconds: number;
  readonly fraction: string;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?([Zz]|[+-]\d\d:\d\d)?)?$/;
const TICKS = /^\/Date\((-?\d{1,15})(?:[+-]\d{1,4})?\)\/$/;

/**
 * Reads a date or time of ISO 8601, or `/Date(milliseconds)/` of OData V2; without an offset it is UTC, without a time midnight.
 * Undefined for anything else, also for days that no calendar has.
 */
export function readInstant(text: string): Instant | undefined {
  const ticks = TICKS.exec(text)?.[1];
  if (ticks !== undefined) return instantOfMs(Number(ticks));
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone] =
    match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const offsetMinutes = offsetOf(zone);
  if (
    !isDay ||
    Number(hour) > 23 ||
    Number(minute) > 59 ||
    Number(second) > 59 ||
    offsetMinutes === undefined
  )
    return undefined;
  const minutes = Number(hour) * 60 + Number(minute) - offsetMinutes;
  return {
    seconds: date.getTime() / 1000 + minutes * 60 + Number(second),
    fraction: fraction.replace(/0+$/, ''),
  };
}

/** True where both are the same to the last digit. */
export function isSameInstant(a: Instant, b: Instant): boolean {
  return a.seconds === b.seconds && a.fraction === b.fraction;
}

/** `2026-12-01T10:00:00`, with a fraction where there is one; in UTC, without saying so. */
export function isoOf({ seconds, fraction }: Instant): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, -'.000Z'.length);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** Milliseconds since the epoch; undefined where the instant is finer than that. */
export function exactMs({ seconds, fraction }: Instant): number | undefined {
  return fraction.length > 3 ? undefined : seconds * 1000 + Number(fraction.padEnd(3, '0'));
}

function instantOfMs(ms: number): Instant {
  const seconds = Math.floor(ms / 1000);
  const fraction = String(ms - seconds * 1000)
    .padStart(3, '0')
    .replace(/0+$/, '');
  return { seconds, fraction };
}

function offsetOf(zone: string | undefined): number | undefined {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
