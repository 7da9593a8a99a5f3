/**
 * Taking a person out of what is kept. A value equal to the person's id gives way to a fixed marker; nothing else changes, so
 * that a dead letter still shows what it was. The marker is never written to the territory API: an event, or a replay, that
 * would set it is refused. Pure.
 */
import type { AssignmentChange } from './change.ts';

export const ERASED = '[erased by territory-sync]';

/** Strings and numbers alike: sources do not agree on the type of an id. */
function isPerson(value: unknown, person: string): boolean {
  return (typeof value === 'string' || typeof value === 'number') && String(value) === person;
}

/** Whether any value in it, however deep, is the person. Names of members do not count. */
export function mentions(value: unknown, person: string): boolean {
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).some((part) => mentions(part, person));
  }
  return isPerson(value, person);
}

/** A JSON value with the marker in place of the person. */
export function withoutPerson(value: unknown, person: string): unknown {
  if (Array.isArray(value)) return value.map((part) => withoutPerson(part, person));
  if (typeof value !== 'object' || value === null) return isPerson(value, person) ? ERASED : value;
  return copyOf(Object.entries(value).map(([name, part]) => [name, withoutPerson(part, person)]));
}

/**
 * Assignments with the marker in place of the person in `fields`. In `before` the member goes: what was there is not known any
 * more, so nothing is compared with it.
 */
export function assignmentsWithoutPerson(
  assignments: readonly AssignmentChange[],
  person: string,
): readonly AssignmentChange[] {
  return assignments.map((assignment) => ({
    ...assignment,
    fields: withoutPerson(assignment.fields, person) as AssignmentChange['fields'],
    ...(assignment.before && {
      before: membersOf(assignment.before, (value) => !isPerson(value, person)),
    }),
  }));
}

/**
 * Bytes as they came, without the person; undefined where they do not hold him. What is no JSON and holds his id anywhere
 * goes wholly: nobody can tell what else it says of him.
 */
export function bytesWithoutPerson(body: Buffer, person: string): Buffer | undefined {
  const value = parsed(body);
  if (value === undefined) return body.includes(person) ? Buffer.from(ERASED) : undefined;
  return mentions(value, person) ? Buffer.from(JSON.stringify(withoutPerson(value, person))) : undefined;
}

/** What a person wrote or is called, or the marker where it names the person, alone or as a word of it. */
export function wordsWithoutPerson(words: string | null, person: string): string | null {
  const isNamed = words === person || words?.split(/[^\p{L}\p{N}_.@-]+/u).includes(person) === true;
  return isNamed ? ERASED : words;
}

/** Whether a change would write the marker. */
export function setsErased(assignments: readonly Pick<AssignmentChange, 'fields'>[]): boolean {
  return assignments.some(({ fields }) => Object.values(fields).includes(ERASED));
}

/** An image of the record without what was erased in it. */
export function knownBefore(before: AssignmentChange['fields']): AssignmentChange['fields'] {
  return membersOf(before, (value) => value !== ERASED);
}

function membersOf(
  fields: AssignmentChange['fields'],
  stays: (value: unknown) => boolean,
): AssignmentChange['fields'] {
  return copyOf(Object.entries(fields).filter(([, value]) => stays(value))) as AssignmentChange['fields'];
}

/** Without a prototype: a member named `__proto__` is only a member. */
function copyOf(members: Iterable<readonly [string, unknown]>): Readonly<Record<string, unknown>> {
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of members) copy[name] = value;
  return copy;
}

/** Undefined where it is no JSON object or list; a JSON text in a JSON string is opened as at intake. */
function parsed(body: Buffer): unknown {
  try {
    const outer = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, '')) as unknown;
    const value = typeof outer === 'string' ? (JSON.parse(outer) as unknown) : outer;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
