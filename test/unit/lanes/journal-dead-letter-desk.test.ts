import { expect, test } from 'vitest';
import type { AppendResult, JournalLetterDetail } from '../../../srv/journal/port.ts';
import { JournalDeadLetterDesk } from '../../../srv/lanes/journal-dead-letter-desk.ts';
import { INBOUND } from './letters.ts';

const LETTER: JournalLetterDetail = {
  id: 'letter',
  decision: 0,
  ref: { source: '/crm', id: 'a' },
  territoryId: 'NORTH',
  position: 1,
  reason: { code: 'CONFLICT_LIMIT', message: 'too many conflicts' },
  failedAt: 0,
  firstReceivedAt: 0,
  attempts: 1,
  conflicts: 1,
  history: [],
  body: Buffer.from('{}'),
  laterChanges: 0,
  content: {
    kind: 'change',
    digest: 'digest',
    change: {
      source: '/crm',
      id: 'a',
      type: 'cx.territory.assignments.changed.v1',
      territoryId: 'NORTH',
      relatedTo: [],
      assignments: [{ id: 'T1', operation: 'update', fields: { owner: 'E1' } }],
    },
  },
};

/** A desk on a journal that answers the append of a replay so. */
function deskOf(result: AppendResult) {
  const unused = async () => {
    throw new Error('not asked');
  };
  return new JournalDeadLetterDesk({
    letters: {
      letters: unused,
      letter: async () => LETTER,
      letterDecision: unused,
      openLetters: unused,
      openLetterCounts: unused,
    },
    journal: { append: async () => [result] },
    operated: { deadLetter: unused, discard: unused },
    clock: { now: () => 0 },
    audit: () => undefined,
    endings: { discarded: () => [] },
    inbound: INBOUND,
    lifeMs: 1000,
  });
}

const ORDER = { by: 'anna', note: 'quiet now', overwrite: false };

test('a replay that the journal refuses tells the operator why, and what to do', async () => {
  const reason = 'a value in it was erased: give new assignments';
  expect(await deskOf({ kind: 'refused', reason }).replay('letter', ORDER)).toEqual({
    kind: 'refused',
    code: 'INVALID_ASSIGNMENTS',
    message: `The journal cannot take these values: ${reason}.`,
    action: 'Replay it with edited assignments that set other values, or discard it.',
  });
});

test('a replay under the name of another event is told from one with bad values', async () => {
  expect(await deskOf({ kind: 'clash' }).replay('letter', ORDER)).toMatchObject({
    kind: 'refused',
    code: 'INVALID_EVENT',
    message: expect.stringContaining('source and id'),
  });
});
