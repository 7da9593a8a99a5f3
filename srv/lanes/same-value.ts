/** When two values of a field are the same. Pure. A field that is absent counts as null. */
import type { Scalar } from '../events/change.ts';
import { isSameInstant, readInstant } from '../events/instant.ts';
import { plainNumber } from '../events/number-text.ts';
import type { Comparison } from '../territory-api/port.ts';

/**
 * @param current as the API gives it
 * @param comparedAs undefined where the field's type is not known: then only a number is compared by value with its text
 */
export function sameValue(wanted: Scalar, current: unknown, comparedAs: Comparison | undefined): boolean {
  if ((current ?? null) === wanted) return true;
  switch (comparedAs) {
    case 'number':
      return isSame(wanted, current, (text) => plainNumber(text), Object.is);
    case 'instant':
      return isSame(wanted, current, readInstant, isSameInstant);
    case 'caseless':
      return isSame(wanted, current, (text) => text.toLowerCase(), Object.is);
    case undefined:
      return typeof wanted === 'number' && typeof current === 'string' && isNumber(current, wanted);
  }
}

function isNumber(text: string, wanted: number): boolean {
  return text.trim() !== '' && Number(text) === wanted;
}

/** Both can be read as values of the kind, and these are the same. */
function isSame<T>(
  wanted: Scalar,
  current: unknown,
  read: (text: string) => T | undefined,
  same: (a: T, b: T) => boolean,
): boolean {
  const [one, other] = [wanted, current].map((value) =>
    typeof value === 'string' || typeof value === 'number' ? read(String(value)) : undefined,
  );
  return one !== undefined && other !== undefined && same(one, other);
}
