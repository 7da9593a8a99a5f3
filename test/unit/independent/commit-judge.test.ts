import { describe, expect, it } from 'vitest';
import { etagOf, type Commit, type Fields, type Row } from '../../independent/commit.ts';
import { flawless, judge, type CapRun, type Findings } from '../../independent/commit-judge.ts';
import { setField, type PublishedChange } from '../../system/published-change.ts';
import type { OutcomeEvent } from '../../system/world.ts';

const USER = 'service';

/** Commits as a server would record them: each on what the one before left. */
class History {
  readonly commits: Commit[] = [];
  readonly rows = new Map<string, Row>();

  write(writer: string, id: string, sent: Fields | null, odd: Partial<Commit> = {}): this {
    const before = this.rows.get(id) ?? null;
    const seq = this.commits.length + 1;
    const after = sent === null ? null : { ...before, ...sent, id, version: `v${seq}` };
    const change = before === null ? 'CREATE' : 'UPDATE';
    this.commits.push({
      seq,
      writer,
      operation: sent === null ? 'DELETE' : change,
      assignment: id,
      ifMatch: before && etagOf(before),
      sent: sent ?? {},
      before,
      after,
      ...odd,
    });
    if (after) this.rows.set(id, after);
    else this.rows.delete(id);
    return this;
  }
}

const first = setField('first', 'T', 'A', 'owner', 'E1');
const second = setField('second', 'T', 'A', 'owner', 'E2');
const deletion: PublishedChange = {
  ...setField('deletion', 'T', 'A', 'owner', ''),
  assignments: [{ id: 'A', operation: 'delete' }],
};

function outcome(change: PublishedChange, result = 'updated', etag?: string): OutcomeEvent {
  const data = {
    territoryId: change.territoryId,
    outcome: result === 'failed' ? 'failed' : 'applied',
    change,
    position: 1,
    assignments: [{ id: 'A', result, ...(etag !== undefined && { etag }) }],
    attempts: 1,
    conflicts: 0,
  } as const;
  return { id: change.id, type: 'outcome', causationid: change.id, data };
}

function findings(
  published: readonly PublishedChange[],
  { commits, rows }: History,
  more: Partial<CapRun> = {},
) {
  const outcomes = published.map((change) => outcome(change));
  return judge({ published, outcomes, commits, rows, foreign: [], user: USER, ...more });
}

/** As flawless, but for these. */
const but = (changes: number, faults: Partial<Findings>) => ({ ...flawless(changes), ...faults });

const seeded = () => new History().write('seed', 'A', { owner: 'nobody', note: 'old', quota: 1 });

describe('a run judged by the record of commits', () => {
  it('is flawless where every change took effect in order, whoever else wrote in between', () => {
    const history = seeded()
      .write(USER, 'A', { owner: 'E1' })
      .write('other', 'A', { owner: 'theirs', note: 'theirs' })
      .write(USER, 'A', { owner: 'E2' });
    const foreign = [{ writer: 'other', assignment: 'A', field: 'note', value: 'theirs' }];
    expect(findings([first, second], history, { foreign })).toEqual(flawless(2));
  });

  it('is flawless where a later change took the place of an earlier one, or deleted the record', () => {
    expect(
      findings([first, second], seeded().write(USER, 'A', { owner: 'E2' }), {
        outcomes: [outcome(first, 'superseded'), outcome(second)],
      }),
    ).toEqual(flawless(2));
    const deleted = seeded().write(USER, 'A', { owner: 'E1' }).write(USER, 'A', null);
    expect(findings([first, deletion], deleted)).toEqual(flawless(2));
  });

  it('takes a decimal for the same whatever its scale', () => {
    const history = seeded();
    const rows = new Map([['A', { ...history.rows.get('A'), quota: '1.00' } as Row]]);
    expect(findings([], history, { rows })).toEqual(flawless(0));
  });

  it('counts a change without an effect as lost, unless it failed', () => {
    const history = seeded().write(USER, 'A', { owner: 'E1' });
    expect(findings([first, second], history)).toEqual(but(2, { lost: 1, untrue: 1 }));
    const outcomes = [outcome(first), outcome(second, 'failed')];
    expect(findings([first, second], history, { outcomes })).toEqual(but(2, { failed: 1 }));
  });

  it('counts an earlier change that comes after a later one, or after the delete', () => {
    const late = seeded().write(USER, 'A', { owner: 'E2' }).write(USER, 'A', { owner: 'E1' });
    expect(findings([first, second], late)).toEqual(but(2, { outOfOrder: 1 }));
    const revived = seeded().write(USER, 'A', null).write(USER, 'A', { owner: 'E1' });
    expect(findings([first, deletion], revived)).toEqual(but(2, { outOfOrder: 1 }));
    const early = seeded().write(USER, 'A', { owner: 'E1' }).write(USER, 'A', null);
    expect(findings([deletion, first], early)).toEqual(but(2, { outOfOrder: 1 }));
  });

  it('counts an effect that comes again over what somebody else wrote meanwhile', () => {
    const history = seeded()
      .write(USER, 'A', { owner: 'E1' })
      .write('other', 'A', { owner: 'theirs' })
      .write(USER, 'A', { owner: 'E1' });
    expect(findings([first], history)).toEqual(but(1, { repeatedOverForeign: 1 }));
  });

  it.each(['*', null, 'W/"v0"'])('counts a write with If-Match %s as blind', (ifMatch) => {
    const history = seeded().write(USER, 'A', { owner: 'E1' }, { ifMatch });
    expect(findings([first], history)).toEqual(but(1, { blind: 1 }));
  });

  it('counts a field that no change sets, or not to this value', () => {
    const history = seeded().write(USER, 'A', { owner: 'E1', note: 'old' });
    expect(findings([first], history)).toEqual(but(1, { stray: 1 }));
    expect(findings([first], history.write(USER, 'A', { owner: 'E9' }))).toEqual(but(1, { stray: 2 }));
  });

  it('counts foreign writes that were acknowledged and are not there', () => {
    const foreign = [{ writer: 'other', assignment: 'A', field: 'note', value: 'theirs' }];
    expect(findings([], seeded(), { foreign })).toEqual(but(0, { lostForeign: 1 }));
  });

  it('counts changes without an outcome, and outcomes told again', () => {
    const history = seeded().write(USER, 'A', { owner: 'E1' }).write(USER, 'A', { owner: 'E2' });
    const outcomes = [outcome(first), outcome(first)];
    expect(findings([first, second], history, { outcomes })).toEqual(but(2, { ended: 1, toldAgain: 1 }));
  });

  it('counts results with an ETag that never was', () => {
    const history = seeded().write(USER, 'A', { owner: 'E1' });
    expect(findings([first], history, { outcomes: [outcome(first, 'updated', 'W/"v2"')] })).toEqual(
      flawless(1),
    );
    const outcomes = [outcome(first, 'updated', 'W/"v7"')];
    expect(findings([first], history, { outcomes })).toEqual(but(1, { untrue: 1 }));
  });

  it('does not believe a record of commits with gaps', () => {
    const history = seeded().write('other', 'A', { note: 'theirs' }).write(USER, 'A', { owner: 'E1' });
    const commits = history.commits.filter(({ writer }) => writer !== 'other');
    expect(findings([first], history, { commits })).toEqual(but(1, { unexplained: 1 }));
    const elsewhere = new Map([...history.rows, ['B', { id: 'B', version: 'v1' }]]);
    expect(findings([first], history, { rows: elsewhere })).toEqual(but(1, { unexplained: 1 }));
    const undone = new Map([['A', { ...history.rows.get('A'), note: 'old' } as Row]]);
    expect(findings([first], history, { rows: undone })).toEqual(but(1, { unexplained: 1 }));
  });
});
