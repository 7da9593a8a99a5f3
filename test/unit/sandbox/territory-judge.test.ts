import { describe, expect, it } from 'vitest';
import { fieldTypes, judge } from '../../sandbox/territory-api/judge.ts';
import type { Knowledge } from '../../sandbox/territory-api/judge.ts';
import type { RecordWrite } from '../../sandbox/territory-api/record.ts';

const exists = { number: 3, fields: { owner: 'A' } };
const deleted = { number: 3 };
const update: RecordWrite = { id: 'T001', operation: 'update', ifMatch: 'W/"3"', fields: { owner: 'B' } };
const { ifMatch: _, ...without } = update;
const remove: RecordWrite = { id: 'T001', operation: 'delete', ifMatch: 'W/"3"', fields: {} };
const create: RecordWrite = { id: 'T001', operation: 'create', fields: { owner: 'B' } };

function judged(write: RecordWrite, found: typeof exists | typeof deleted | undefined, knowledge: Knowledge) {
  const refused = judge(write, found, knowledge, () => undefined);
  return refused === undefined ? 'allowed' : `${refused.status} ${refused.error.code}`;
}

describe('a write', () => {
  it.each([
    ['of the newest version', update, exists, 'up-to-date', 'allowed'],
    ['that deletes the newest version', remove, exists, 'up-to-date', 'allowed'],
    [
      'with one ETag of several right',
      { ...update, ifMatch: 'W/"2", W/"3"' },
      exists,
      'up-to-date',
      'allowed',
    ],
    ['of an old version', { ...update, ifMatch: 'W/"2"' }, exists, 'up-to-date', '412 PRECONDITION_FAILED'],
    [
      'with the ETag made strong',
      { ...update, ifMatch: '"3"' },
      exists,
      'up-to-date',
      '412 PRECONDITION_FAILED',
    ],
    [
      'with garbage for an ETag',
      { ...update, ifMatch: 'x' },
      exists,
      'up-to-date',
      '412 PRECONDITION_FAILED',
    ],
    ['without If-Match', without, exists, 'up-to-date', '428 PRECONDITION_REQUIRED'],
    ['without If-Match of nothing', without, undefined, 'up-to-date', '428 PRECONDITION_REQUIRED'],
    ['of a record that never was', update, undefined, 'up-to-date', '404 NOT_FOUND'],
    ['of a deleted record', update, deleted, 'up-to-date', '404 NOT_FOUND'],
    ['with the right ETag at a stale node', update, exists, 'stale', '409 STALE_NODE'],
    ['with an old ETag at a stale node', { ...update, ifMatch: 'W/"2"' }, exists, 'stale', '409 STALE_NODE'],
    ['of a record whose deletion the node has not learned of', update, deleted, 'stale', '409 STALE_NODE'],
    ['that creates what is not there', create, undefined, 'up-to-date', 'allowed'],
    ['that creates what was deleted', create, deleted, 'up-to-date', 'allowed'],
    ['that creates what is there', create, exists, 'up-to-date', '409 ALREADY_EXISTS'],
    ['that creates what the node thinks is there', create, deleted, 'stale', '409 STALE_NODE'],
    [
      'that creates with If-Match',
      { ...create, ifMatch: 'W/"3"' },
      undefined,
      'up-to-date',
      '400 INVALID_REQUEST',
    ],
    ['that sets the key', { ...update, fields: { id: 'T002' } }, exists, 'up-to-date', '400 INVALID_FIELD'],
    [
      'with a malformed field name',
      { ...update, fields: { 'a b': 1 } },
      exists,
      'up-to-date',
      '400 INVALID_FIELD',
    ],
    ['that deletes and sets', { ...remove, fields: { a: 1 } }, exists, 'up-to-date', '400 INVALID_FIELD'],
  ] as const)('%s is judged', (_title, write, found, knowledge, verdict) => {
    expect(judged(write, found, knowledge)).toBe(verdict);
  });

  it('that sets something else than a scalar is refused', () => {
    const write = { ...update, fields: { owner: { name: 'B' } } as unknown as RecordWrite['fields'] };
    expect(judged(write, exists, 'up-to-date')).toBe('400 INVALID_FIELD');
  });

  it('is refused for a field that the validator does not know, without naming the value', () => {
    const validate = fieldTypes({ owner: 'string', quota: 'number' });
    const refused = (fields: RecordWrite['fields']) =>
      judge({ ...update, fields }, exists, 'up-to-date', validate)?.error.message;
    expect(refused({ owner: 'B', quota: 1 })).toBeUndefined();
    expect(refused({ owner: null })).toBeUndefined();
    expect(refused({ quota: 'secret' })).toBe('quota must be a number');
    expect(refused({ constructor: 'secret' })).toBe('constructor is unknown');
  });
});
