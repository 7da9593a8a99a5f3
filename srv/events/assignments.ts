/**
 * What the event says: the shape of `data` and its limits. Members that are not known are passed over, so that sources may
 * say more; an optional one that is null counts as absent.
 */
import { z } from 'zod';
import type { AssignmentChange, Fields, Operation, Scalar } from './change.ts';
import { knownBefore, setsErased } from './erased.ts';
import { InvalidEvent } from './invalid-event.ts';
import { isObject } from './json.ts';
import { LIMITS } from './limits.ts';
import { cutLine, isSound } from './text.ts';

/** `data`, checked. */
export interface Content {
  readonly territoryId: string;
  readonly assignments: readonly AssignmentChange[];
  readonly relatedTo: readonly string[];
}

const OPERATIONS = ['update', 'create', 'delete'] as const satisfies readonly Operation[];
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/;
const PATH_LENGTH = 80;

const soundText = (maxLength: number) =>
  z
    .string({ error: `must be a string of 1 to ${maxLength} characters` })
    .min(1, { error: 'must not be empty', abort: true })
    .max(maxLength, { error: `must have at most ${maxLength} characters`, abort: true })
    .refine(isSound, { error: 'must not hold a NUL character or a lone surrogate' });

const TERRITORY_ID = soundText(LIMITS.territoryIdLength);

const FIELDS = z.unknown().transform(readFields).optional();

const ASSIGNMENT = z
  .object(
    {
      id: soundText(LIMITS.assignmentIdLength),
      operation: z.enum(OPERATIONS, { error: 'must be "update", "create" or "delete"' }).nullish(),
      fields: FIELDS,
      before: FIELDS,
    },
    { error: 'must be an object' },
  )
  .transform(({ id, operation, fields, before }, context): AssignmentChange => {
    const does = operation ?? 'update';
    if (does !== 'delete' && !fields)
      return refuse(context, 'is missing; it must say what to set', ['fields']);
    if (fields && setsErased([{ fields }]))
      return refuse(context, 'holds a value that was erased; give another', ['fields']);
    return {
      id,
      operation: does,
      fields: does !== 'delete' && fields ? fields : noFields(),
      ...(before && { before: knownBefore(before) }),
    };
  });

// The elements are checked one by one afterwards, up to the first that is wrong.
const ASSIGNMENTS = z
  .array(z.unknown(), { error: `must be an array of 1 to ${LIMITS.assignments} assignments` })
  .min(1, { error: 'must hold at least one assignment' })
  .max(LIMITS.assignments, {
    error: `must hold at most ${LIMITS.assignments} assignments; split the change into several events`,
  });

const RELATED = z
  .array(TERRITORY_ID, { error: 'must be an array of territory ids' })
  .max(LIMITS.relatedTerritories, {
    error: `must hold at most ${LIMITS.relatedTerritories} territory ids`,
    abort: true,
  })
  .nullish();

/**
 * Checks `data`; stops at the first thing that is wrong.
 *
 * @param subject the envelope's subject: the territory where `data` names none
 * @throws InvalidEvent
 */
export function readContent(data: unknown, subject: unknown): Content {
  if (data === undefined || data === null)
    throw new InvalidEvent('The event has no data. Send the change in data.');
  if (!isObject(data)) throw new InvalidEvent('data must be a JSON object with territoryId and assignments.');
  const territoryId = readTerritoryId(data, subject);
  const assignments = check(ASSIGNMENTS, data['assignments'], 'assignments');
  return {
    territoryId,
    assignments: assignments.map((assignment, index) =>
      check(ASSIGNMENT, assignment, `assignments[${index}]`),
    ),
    relatedTo: check(RELATED, data['relatedTo'], 'relatedTo') ?? [],
  };
}

/** The territory where it can be read, whatever else is wrong. */
export function territoryIdIn(data: unknown, subject: unknown): string | undefined {
  try {
    return readTerritoryId(isObject(data) ? data : {}, subject);
  } catch (error) {
    if (error instanceof InvalidEvent) return undefined;
    throw error;
  }
}

function readTerritoryId(data: Readonly<Record<string, unknown>>, subject: unknown): string {
  const own = data['territoryId'];
  if (own !== undefined && own !== null && own !== '') return check(TERRITORY_ID, own, 'territoryId');
  if (subject !== undefined && subject !== null && subject !== '')
    return check(TERRITORY_ID, subject, 'subject');
  throw new InvalidEvent('territoryId is missing, and there is no subject to take its place.');
}

/** By hand: a field may be named `__proto__`, which schema libraries leave out or refuse. */
function readFields(input: unknown, context: z.RefinementCtx): Fields | undefined {
  if (input === undefined || input === null) return undefined;
  if (!isObject(input)) return refuse(context, 'must be an object of field names and values');
  const names = Object.keys(input);
  if (names.length > LIMITS.fields) return refuse(context, `must have at most ${LIMITS.fields} fields`);
  const fields = noFields();
  for (const [index, name] of names.entries()) {
    if (!FIELD_NAME.test(name)) {
      return refuse(context, `field name no. ${index + 1} must match [A-Za-z_][A-Za-z0-9_.]{0,127}`);
    }
    const value = input[name];
    const fault = faultOf(value);
    if (fault !== undefined) return refuse(context, fault, [name]);
    // JSON has -0, but what is written and compared later has not.
    fields[name] = value === 0 ? 0 : (value as Scalar);
  }
  return fields;
}

/** What is wrong with a field's value. */
function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string') {
    return isSound(value) ? undefined : 'must not hold a NUL character or a lone surrogate';
  }
  if (typeof value === 'number') {
    // Every number from 2^53 on is an integer, or has lost its fraction; 1e999 is read as Infinity.
    const exact = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    return exact ? undefined : 'is a number beyond 2^53 − 1, which would be rounded; send it as a string';
  }
  if (typeof value === 'boolean' || value === null) return undefined;
  return 'must be a string, a number, true, false or null';
}

function noFields(): Record<string, Scalar> {
  return Object.create(null) as Record<string, Scalar>;
}

function refuse(context: z.RefinementCtx, message: string, path: string[] = []): never {
  context.addIssue({ code: 'custom', message, path });
  return z.NEVER;
}

function check<T>(schema: z.ZodType<T>, input: unknown, place: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InvalidEvent(
    `${cutLine(place + pathOf(issue?.path ?? []), PATH_LENGTH)} ${issue?.message ?? 'is not valid'}.`,
  );
}

/** Indexes, names of ours, and field names that have passed the rule: nothing that could carry a value. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
}
