/**
 * A request that was given up, with its change, may be carried out long after: whole flights on an API that holds one back, and that
 * shows an old state once. What a later change set must not be lost to it.
 */
import { expect, test } from 'vitest';
import type { AssignmentChange } from '../../../srv/events/change.ts';
import { outcomeOf } from '../../../srv/events/outcome.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { EndChange } from '../../../srv/lanes/lane-report.ts';
import type { OverlapPolicy } from '../../../srv/lanes/rebase.ts';
import type {
  ReadAnswer,
  ReadRequest,
  RecordAnswer,
  RecordState,
  WriteAnswer,
  WriteRequest,
} from '../../../srv/territory-api/port.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { LATE, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { flyUntil } from './fly-until.ts';
import { update } from './samples.ts';

const T1 = 'NORTH/T1';

/** `held`: carried out when the test says so, `lost`: never; neither has an answer. */
type Turn = 'held' | 'lost' | RecordAnswer;

class HoldingApi extends TerritoryApiDouble {
  /** What becomes of the next writes of the record; then all are carried out. */
  readonly turns: Turn[] = [];
  /** What the next read shows instead of the truth, being no proof. */
  late: RecordState | undefined;
  private readonly held: WriteRequest[] = [];

  override async read(request: ReadRequest): Promise<ReadAnswer> {
    const { late } = this;
    this.late = undefined;
    if (!late) return super.read(request);
    return { kind: 'read', records: request.records.map(() => late), proof: false, cacheStatus: [] };
  }

  override async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    const turn = this.turns.shift();
    if (turn === undefined) return super.write(requests);
    if (turn === 'held') this.held.push(...requests);
    const record: RecordAnswer = typeof turn === 'object' ? turn : { kind: 'missing' };
    return { kind: 'answered', records: requests.map(() => record) };
  }

  /** What was held arrives after all. */
  release(): void {
    for (const request of this.held.splice(0)) this.apply(request);
  }

  async shown(): Promise<RecordState> {
    const answer = await super.read({
      records: [{ territoryId: 'NORTH', id: 'T1' }],
      fields: [],
      pastCache: true,
    });
    if (answer.kind !== 'read' || !answer.records[0]) throw new Error('the double always answers');
    return answer.records[0];
  }
}

function world(onOverlap: OverlapPolicy = 'source-wins') {
  const clock = new ManualClock();
  const api = new HoldingApi(clock, LATE);
  const journal = new MemoryJournal({ clock });
  const outcomes: string[] = [];
  const endChange: EndChange = ({ change: { id }, position }, _, results) => {
    outcomes.push(`${id} ${results.map(({ result }) => result).join()}`);
    return { position, outcome: outcomeOf(results), messages: [] };
  };
  const rules = { propagation: { minMs: 0, maxMs: 0 }, onOverlap };
  const deps = flightDeps({ api, journal, clock, endChange, rules });
  const ends = (count: number) => flyUntil(() => outcomes.length >= count, { journal, clock, deps });
  const append = (id: string, assignment: AssignmentChange) => {
    const arrival = change(id, 'NORTH');
    return appendNew(journal, [{ ...arrival, change: { ...arrival.change, assignments: [assignment] } }]);
  };
  return { api, append, ends, outcomes };
}

/** The last change's change 'given up' is a dead letter whose request, on the version shown now, has not landed yet. */
async function givenUp(onOverlap?: OverlapPolicy) {
  const made = world(onOverlap);
  const { api, append, ends, outcomes } = made;
  api.seed(T1, { owner: 'wanted' });
  const before = await api.shown();
  api.writeForeign(T1);
  api.turns.push('held', { kind: 'defect', status: 428 });
  await append('first', update('T1', { owner: 'given up' }));
  await ends(1);
  expect(outcomes).toEqual(['first failed']);
  return { ...made, before };
}

test.each(['source-wins', 'review'] as const)(
  'one that was given up is not forgotten over a newer one without answer: what that set stays (%s)',
  async (onOverlap) => {
    const { api, append, ends, outcomes, before } = await givenUp(onOverlap);
    // Read late, so that its request is on an older version than the one that is held.
    api.late = before;
    api.turns.push('lost');
    await append('second', update('T1', { owner: 'wanted' }));
    await ends(2);
    api.release();
    expect(outcomes).toEqual(['first failed', 'second updated']);
    expect(api.history(T1).at(-1)).toMatchObject({ owner: 'wanted' });
  },
);
