/** Rules for text that comes from outside or goes there. */
import { LIMITS } from './limits.ts';

/**
 * True for text that every store and wire on the way can keep: no NUL and no lone surrogate (PostgreSQL's `jsonb` refuses
 * both, and UTF-8 cannot carry the latter).
 */
export function isSound(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** True for sound text of 1 to `maxLength` code units. */
export function isSoundText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength && isSound(value);
}

/** One printable line of at most `maxLength` code units; what is cut off shows as `…`. */
export function cutLine(text: string, maxLength: number = LIMITS.lineLength): string {
  // Twice the length is enough to decide, and keeps the work small whatever comes in.
  const line = text
    .slice(0, 2 * maxLength)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
  if (line.length <= maxLength && text.length <= 2 * maxLength) return line;
  return `${withoutHalfPair(line.slice(0, maxLength - 1))}…`;
}

/** A cut may fall between the two halves of a character beyond U+FFFF. */
function withoutHalfPair(text: string): string {
  return text.isWellFormed() ? text : text.slice(0, -1);
}
