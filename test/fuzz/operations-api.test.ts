/** The operations API over a real socket: an answer or a problem, never a 5xx. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { call, setUpStage, stage } from '../integration/operations-api-stage.ts';
import { fuzz } from './fuzz.ts';
import { wrongJson, wrongText } from './mutations.ts';

setUpStage();

const PATHS = [
  'summary',
  'territories?state=ready&cursor=abc&limit=5',
  'territories/EMEA',
  'changes/7d0c?source=%2Fcrm',
  'dead-letters?reason=OVERLAP&territory=EMEA',
  'dead-letters/d-1',
];
const POSTS = [
  'dead-letters/d-1/replay',
  'dead-letters/d-1/discard',
  'dead-letters/replay',
  'processing/pause',
  'processing/resume',
  'territories/EMEA/pause',
];
const BODIES = [
  {
    note: 'why',
    overwrite: false,
    assignments: [{ id: 'T001', operation: 'update', fields: { owner: 'E1' }, before: {} }],
  },
  { filter: { reason: 'OVERLAP', territory: 'EMEA', failedBefore: '2026-11-22T10:00:00Z' }, note: 'all' },
  { what: 'flights' },
  {},
];

/** What a client may put into a request line at all. */
const target = (text: string): string =>
  Buffer.from(text.replaceAll(/[^\x21-\x7e]/gu, (odd) => encodeURIComponent(odd.toWellFormed()))).toString();
const requests = fc.oneof(
  fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'DELETE'),
    path: wrongText(fc.constantFrom(...PATHS)).map(target),
    body: fc.constant(undefined),
  }),
  fc.record({
    method: fc.constantFrom('POST', 'PUT', 'PATCH'),
    path: wrongText(fc.constantFrom(...POSTS)).map(target),
    body: wrongJson(fc.constantFrom<unknown>(...BODIES)),
  }),
);

test('whatever is asked is answered', () =>
  fuzz(requests, async ({ method, path, body }) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await call(method, path, body === undefined ? {} : { body, headers });
    expect(answer.status).toBeLessThan(500);
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(stage.errors).toEqual([]);
  }));
