/** Each count of the checker moves when its fault is put into a run that was flawless before, and no other fault hides it. */
import { describe, expect, it } from 'vitest';
import type { CommittedWrite } from '../../sandbox/territory-api/index.ts';
import { check, isFlawless, type Findings, type Run } from '../../system/checker.ts';
import type { PublishedChange } from '../../system/published-change.ts';
import type { OutcomeEvent } from '../../system/world.ts';
import { outcomeOf } from '../demo/sample-play.ts';

type Fields = Readonly<Record<string, string>>;

const published: readonly PublishedChange[] = [
  change('c1', 'A', { owner: 'E1' }),
  change('c2', 'A', { quota: 'Q2' }),
  change('c3', 'A', { owner: 'E3' }),
  change('c4', 'B', { owner: 'E4' }),
];

/** A small API: every commit knows what it found, as in the history of the real one. */
class Records {
  readonly history: CommittedWrite[] = [];
  readonly #fields = new Map<string, Fields>([
    ['A', { owner: 'E0', quota: 'Q0', note: 'first' }],
    ['B', { owner: 'E0', quota: 'Q0', note: 'first' }],
  ]);

  write(recordId: string, fields: Fields, special: Partial<CommittedWrite> = {}): this {
    const before = this.#fields.get(recordId);
    const seq = this.history.length + 1;
    const etagBefore = `W/"${seq}"`;
    const given = {
      at: seq,
      idempotencyKey: undefined,
      requestId: undefined,
      node: 0,
      etagAfter: `W/"${seq + 1}"`,
    };
    const write = {
      seq,
      recordId,
      territoryId: 'T',
      by: 'client',
      operation: 'update',
      before,
      fields,
    } as const;
    this.history.push({ ...given, ...write, etagBefore, ifMatch: etagBefore, ...special });
    this.#fields.set(recordId, { ...before, ...fields });
    return this;
  }

  foreign(recordId: string, fields: Fields): this {
    return this.write(recordId, fields, { by: 'foreign', ifMatch: undefined });
  }

  get records(): Run['records'] {
    return [...this.#fields].map(([id, fields]) => ({
      territoryId: 'T',
      id,
      fields,
      version: 1,
      etag: 'W/"1"',
    }));
  }
}

function change(id: string, record: string, fields: Fields): PublishedChange {
  return { id, source: '/crm', territoryId: 'T', assignments: [{ id: record, fields }] };
}

function outcome(id: string, result: string, record = 'A'): OutcomeEvent {
  const kind = result === 'updated' ? 'applied' : result;
  return outcomeOf(id, kind as OutcomeEvent['data']['outcome'], [{ id: record, result }]);
}

const OUTCOMES = [
  outcome('c1', 'superseded'),
  outcome('c2', 'updated'),
  outcome('c3', 'updated'),
  outcome('c4', 'updated', 'B'),
];

/** The first three changes merged into one write, while somebody else writes his own field. */
const flawless = (): Records =>
  new Records()
    .foreign('A', { note: 'theirs' })
    .write('A', { owner: 'E3', quota: 'Q2' })
    .write('B', { owner: 'E4' });

function judge(records: Records, outcomes: readonly OutcomeEvent[] = OUTCOMES): Findings {
  return check({ published, outcomes, history: records.history, records: records.records });
}

const CLEAN: Findings = {
  published: 4,
  ended: 4,
  failed: 0,
  contradictions: 0,
  lost: 0,
  outOfOrder: 0,
  overwrittenForeign: 0,
  blindWrites: 0,
};

describe('the checker', () => {
  it('finds nothing in a run in which nothing is wrong', () => {
    expect(judge(flawless())).toEqual(CLEAN);
    expect(isFlawless(CLEAN)).toBe(true);
  });

  it('finds nothing in changes written one by one, told twice, or repeated after a crash', () => {
    const oneByOne = new Records()
      .write('A', { owner: 'E1' })
      .write('A', { quota: 'Q2' })
      .write('A', { owner: 'E3' })
      .write('A', { owner: 'E3' })
      .write('B', { owner: 'E4' });
    const outcomes = [outcome('c1', 'updated'), ...OUTCOMES.slice(1), ...OUTCOMES.slice(1)];
    expect(judge(oneByOne, outcomes)).toEqual(CLEAN);
  });

  it.each(Object.keys(CLEAN).filter((name) => name !== 'published'))(
    'does not pass a run with a fault in %s',
    (name) => {
      expect(isFlawless({ ...CLEAN, [name]: name === 'ended' ? 3 : 1 })).toBe(false);
    },
  );

  it('counts a change without an outcome as not ended', () => {
    expect(judge(flawless(), OUTCOMES.slice(0, 3))).toEqual({ ...CLEAN, ended: 3 });
  });

  it('counts a change told of as failed, and does not miss what it wanted to set', () => {
    const without4 = new Records().write('A', { owner: 'E3', quota: 'Q2' });
    const outcomes = [...OUTCOMES.slice(0, 3), outcome('c4', 'failed', 'B')];
    expect(judge(without4, outcomes)).toEqual({ ...CLEAN, failed: 1 });
  });

  it('counts a change told of with two outcomes', () => {
    const outcomes = [...OUTCOMES, outcome('c2', 'unchanged')];
    expect(judge(flawless(), outcomes)).toEqual({ ...CLEAN, contradictions: 1 });
  });

  it('counts as lost what did not fail and is not there at the end', () => {
    const undone = flawless().foreign('B', { owner: 'E9' });
    expect(judge(undone)).toEqual({ ...CLEAN, lost: 1 });
  });

  it('counts as lost a change told of as applied that was never written, though a later one hides it', () => {
    const outcomes = [outcome('c1', 'updated'), ...OUTCOMES.slice(1)];
    expect(judge(flawless(), outcomes)).toEqual({ ...CLEAN, lost: 1 });
  });

  it('counts as lost what was superseded by a change that then failed', () => {
    const nothing = new Records().write('A', { quota: 'Q2' }).write('B', { owner: 'E4' });
    const [c1, c2, , c4] = OUTCOMES as [OutcomeEvent, OutcomeEvent, OutcomeEvent, OutcomeEvent];
    expect(judge(nothing, [c1, c2, outcome('c3', 'failed'), c4])).toEqual({ ...CLEAN, failed: 1, lost: 1 });
  });

  it('counts as lost what a failed change claims to have written on another of its records', () => {
    const two: PublishedChange = {
      ...change('c1', 'A', { owner: 'E1' }),
      assignments: [
        { id: 'A', fields: { owner: 'E1' } },
        { id: 'B', fields: { owner: 'E2' } },
      ],
    };
    const told = outcomeOf('c1', 'failed', [
      { id: 'A', result: 'failed' },
      { id: 'B', result: 'updated' },
    ]);
    const run = { published: [two], outcomes: [told] };
    const written = new Records().write('B', { owner: 'E2' });
    const found = check({ ...run, history: written.history, records: written.records });
    expect(found).toEqual({ ...CLEAN, published: 1, ended: 1, failed: 1 });
    const unwritten = new Records();
    // The value is not there, and no commit ever set it.
    expect(check({ ...run, history: [], records: unwritten.records }).lost).toBe(2);
  });

  it('counts a field set for an earlier change after a later one of the same field', () => {
    const backwards = flawless().write('A', { owner: 'E1' }).foreign('A', { owner: 'E3' });
    expect(judge(backwards)).toEqual({ ...CLEAN, outOfOrder: 1 });
  });

  it('counts a change of another field of the record that overtook an earlier one', () => {
    const overtaken = new Records()
      .write('A', { owner: 'E3' })
      .write('A', { quota: 'Q2' })
      .write('B', { owner: 'E4' });
    expect(judge(overtaken)).toEqual({ ...CLEAN, outOfOrder: 1 });
  });

  it('counts another writer’s field that the client set back to something older', () => {
    const stale = new Records()
      .foreign('A', { note: 'theirs' })
      .write('A', { owner: 'E3', quota: 'Q2', note: 'first' })
      .write('B', { owner: 'E4' });
    expect(judge(stale)).toMatchObject({ overwrittenForeign: 1 });
    expect(isFlawless(judge(stale))).toBe(false);
  });

  it('lets the client send another writer’s field along as it found it', () => {
    const whole = new Records()
      .foreign('A', { note: 'theirs' })
      .write('A', { note: 'theirs' })
      .write('A', { owner: 'E3', quota: 'Q2' })
      .write('B', { owner: 'E4' });
    expect(judge(whole)).toEqual(CLEAN);
  });

  it('counts writes that named no version, any version, or another one than they replaced', () => {
    for (const ifMatch of [undefined, '*', 'W/"99"']) {
      const blind = new Records()
        .write('A', { owner: 'E3', quota: 'Q2' })
        .write('B', { owner: 'E4' }, { ifMatch });
      expect(judge(blind)).toEqual({ ...CLEAN, blindWrites: 1 });
    }
  });

  it('does not ask a create for a version', () => {
    const created = new Records()
      .write('A', { owner: 'E3', quota: 'Q2' })
      .write('B', { owner: 'E4' }, { operation: 'create', etagBefore: undefined, ifMatch: undefined });
    expect(judge(created)).toEqual(CLEAN);
  });
});
