/** The rules by which a write is refused: pure, one record at a time, in the order in which a server can know. */
import { etagOf, refusal } from './record.ts';
import type { Fields, RecordRefusal, RecordWrite } from './record.ts';

/** The record as the write finds it; without `fields` it was deleted. */
export interface Found {
  readonly number: number;
  readonly fields?: Fields;
}

/** Whether the node serving the write has learned of the record's newest version. */
export type Knowledge = 'up-to-date' | 'stale';

/** Says what is wrong with fields to be set, or undefined. Without payload values in the text, please. */
export type FieldValidator = (fields: Fields) => string | undefined;

const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/;
const RESERVED = new Set(['id', 'etag']);
const FIELDS_MAX = 100;

/** Undefined when the write may be done. `found` is undefined for a record that never existed. */
export function judge(
  write: RecordWrite,
  found: Found | undefined,
  knowledge: Knowledge,
  validate: FieldValidator,
): RecordRefusal | undefined {
  const wrong =
    write.operation === 'delete' ? deleteFields(write.fields) : wrongFields(write.fields, validate);
  if (wrong !== undefined) return refusal(400, 'INVALID_FIELD', wrong);
  return write.operation === 'create'
    ? judgeCreate(write, found, knowledge)
    : judgeChange(write, found, knowledge);
}

function judgeCreate(
  write: RecordWrite,
  found: Found | undefined,
  knowledge: Knowledge,
): RecordRefusal | undefined {
  if (write.ifMatch !== undefined) {
    return refusal(400, 'INVALID_REQUEST', 'a create carries no If-Match: there is no version to match');
  }
  if (found === undefined) return undefined;
  if (found.fields !== undefined) {
    return refusal(409, 'ALREADY_EXISTS', 'an assignment with this id exists already');
  }
  return knowledge === 'stale' ? staleNode() : undefined;
}

function judgeChange(
  write: RecordWrite,
  found: Found | undefined,
  knowledge: Knowledge,
): RecordRefusal | undefined {
  if (write.ifMatch === undefined) {
    return refusal(428, 'PRECONDITION_REQUIRED', 'an existing assignment is written with If-Match only');
  }
  if (found === undefined) return notFound();
  if (knowledge === 'stale') return staleNode();
  if (found.fields === undefined) return notFound();
  if (!matches(write.ifMatch, etagOf(found.number))) {
    return refusal(412, 'PRECONDITION_FAILED', 'the assignment was changed since the version in If-Match');
  }
  return undefined;
}

/** Verbatim comparison with each member: a client that drops the `W/` is found out. */
function matches(ifMatch: string, etag: string): boolean {
  return ifMatch.split(',').some((member) => member.trim() === etag || member.trim() === '*');
}

function notFound(): RecordRefusal {
  return refusal(404, 'NOT_FOUND', 'no assignment has this id');
}

function staleNode(): RecordRefusal {
  return refusal(409, 'STALE_NODE', 'the node has not learned of the newest version of this assignment yet');
}

function deleteFields(fields: Fields): string | undefined {
  return Object.keys(fields).length > 0 ? 'a delete sets no fields' : undefined;
}

function wrongFields(fields: Fields, validate: FieldValidator): string | undefined {
  const names = Object.keys(fields);
  if (names.length > FIELDS_MAX) return `more than ${FIELDS_MAX} fields`;
  for (const name of names) {
    if (!FIELD_NAME.test(name)) return 'a field name has characters that are not allowed';
    if (RESERVED.has(name)) return `${name} cannot be set`;
    const value: unknown = fields[name];
    if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
      return `${name} is neither a scalar nor null`;
    }
  }
  return validate(fields);
}

/** A validator that knows which fields exist and which type each has; null is allowed for all. */
export function fieldTypes(types: Readonly<Record<string, 'string' | 'number' | 'boolean'>>): FieldValidator {
  return (fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const type = Object.hasOwn(types, name) ? types[name] : undefined;
      if (type === undefined) return `${name} is unknown`;
      if (value !== null && typeof value !== type) return `${name} must be a ${type}`;
    }
    return undefined;
  };
}
