/**
 * Values between JSON as events hold it and JSON as OData does, by the type of the property. Sources: OData V2 JSON format
 * (dates as `/Date(…)/`, Int64, Decimal and Double as strings), OData JSON format 4.01 (7.1).
 */
import type { Scalar } from '../../events/change.ts';
import { exactMs, isoOf, readInstant } from '../../events/instant.ts';
import { plainNumber } from '../../events/number-text.ts';
import type { Comparison } from '../port.ts';
import type { FieldType } from '../settings.ts';

/** Which version's JSON is spoken. */
export type JsonForm = 'v2' | 'v4';

/** `exact`: numbers stand as strings in it, which V4 servers take only where the request says `IEEE754Compatible=true`. */
export interface WireValue {
  readonly value: Scalar;
  readonly exact?: true;
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A value as the API wants it; undefined where it is none of that type. */
export function toWire(form: JsonForm, type: FieldType, value: Scalar): WireValue | undefined {
  if (value === null) return { value };
  const text = String(value);
  switch (type) {
    case 'string':
      return { value: text };
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : undefined;
    case 'guid':
      return GUID.test(text) ? { value: text } : undefined;
    case 'int':
    case 'int64':
    case 'decimal':
    case 'double':
      return typeof value === 'boolean' ? undefined : numberToWire(form, type, value);
    case 'time':
      return timeToWire(form, text);
    case 'date':
    case 'datetime':
    case 'datetimeoffset':
      return typeof value === 'string' ? momentToWire(form, type, value) : undefined;
  }
}

/** A value of the API as events would hold it; what it does not look like stays as it is. */
export function fromWire(type: FieldType | undefined, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  switch (type) {
    case 'date':
    case 'datetime':
    case 'datetimeoffset': {
      const instant = value.startsWith('/Date(') ? readInstant(value) : undefined;
      if (instant === undefined) return value;
      const iso = isoOf(instant);
      if (type === 'datetimeoffset') return `${iso}Z`;
      return type === 'date' && iso.endsWith(MIDNIGHT) ? iso.slice(0, -MIDNIGHT.length) : iso;
    }
    case 'time':
      return readTime(value) ?? value;
    case 'int':
    case 'int64':
    case 'double': {
      const number = Number(value);
      return Number.isFinite(number) && plainNumber(String(number)) === plainNumber(value) ? number : value;
    }
    case 'string':
    case 'decimal':
    case 'boolean':
    case 'guid':
    case undefined:
      return value;
  }
}

/** How values of a type are compared; undefined: as equal JSON. */
export function comparisonOf(type: FieldType): Comparison | undefined {
  switch (type) {
    case 'int':
    case 'int64':
    case 'decimal':
    case 'double':
      return 'number';
    case 'date':
    case 'datetime':
    case 'datetimeoffset':
      return 'instant';
    case 'guid':
      return 'caseless';
    case 'time':
    case 'string':
    case 'boolean':
      return undefined;
  }
}

type NumberType = Extract<FieldType, 'int' | 'int64' | 'decimal' | 'double'>;

const MIDNIGHT = 'T00:00:00';

function numberToWire(form: JsonForm, type: NumberType, value: string | number): WireValue | undefined {
  const text = String(value);
  const plain = plainNumber(text);
  if (plain === undefined) return undefined;
  const number = Number(plain);
  switch (type) {
    case 'int':
      return Number.isSafeInteger(number) && !plain.includes('.') ? { value: number } : undefined;
    case 'int64':
      if (plain.includes('.')) return undefined;
      if (form === 'v2') return { value: plain };
      return Number.isSafeInteger(number) ? { value: number } : { value: plain, exact: true };
    case 'double':
      return { value: form === 'v2' ? plain : number };
    case 'decimal': {
      if (form === 'v4' && typeof value === 'number') return { value };
      // A text keeps its closing zeros: to some they say how exact it is.
      const kept = /^-?\d+(?:\.\d+)?$/.test(text) ? text : plain;
      return form === 'v2' ? { value: kept } : { value: kept, exact: true };
    }
  }
}

function momentToWire(
  form: JsonForm,
  type: 'date' | 'datetime' | 'datetimeoffset',
  text: string,
): WireValue | undefined {
  const instant = readInstant(text);
  if (instant === undefined) return undefined;
  const iso = isoOf(instant);
  if (type === 'date' && !iso.endsWith(MIDNIGHT)) return undefined;
  if (form === 'v4') return { value: type === 'date' ? iso.slice(0, -MIDNIGHT.length) : `${iso}Z` };
  const ms = exactMs(instant);
  const zone = type === 'datetimeoffset' ? 'Z' : '';
  if (ms === undefined) return { value: `${iso}${zone}` };
  return { value: type === 'datetimeoffset' ? `/Date(${ms}+0000)/` : `/Date(${ms})/` };
}

function timeToWire(form: JsonForm, text: string): WireValue | undefined {
  const time = readTime(text);
  if (time === undefined) return undefined;
  const [hours, minutes, seconds] = time.split(':');
  return { value: form === 'v4' ? time : `PT${hours}H${minutes}M${seconds}S` };
}

/** `13:20:00` from itself, `13:20`, or `PT13H20M0S`. */
function readTime(text: string): string | undefined {
  const match =
    /^(\d\d):(\d\d)(?::(\d\d(?:\.\d{1,12})?))?$/.exec(text) ??
    /^PT(?=\d)(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2}(?:\.\d{1,12})?)S)?$/.exec(text);
  if (match === null) return undefined;
  const [hours = '0', minutes = '0', seconds = '0'] = match.slice(1).map((part) => part ?? '0');
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) >= 60) return undefined;
  const [whole = '0', fraction] = seconds.split('.');
  const digits = fraction?.replace(/0+$/, '');
  const clock = [hours, minutes, whole].map((part) => part.padStart(2, '0')).join(':');
  return digits ? `${clock}.${digits}` : clock;
}
