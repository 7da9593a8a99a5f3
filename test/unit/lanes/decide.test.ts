/** What a lane's planned writes become once their records were read. */
import { describe, expect, test } from 'vitest';
import type { ClaimedLane, LaneMemory, RecordMemory } from '../../../srv/journal/port.ts';
import { decide, type FlightRules, type Passenger } from '../../../srv/lanes/decide.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import type { RecordState } from '../../../srv/territory-api/port.ts';
import {
  context,
  endChange,
  intent,
  lane,
  pending,
  remembering,
  report,
  request,
  RULES,
  update,
} from './samples.ts';

/** At 1000 ms by the clock. */
function decided(
  claimed: ClaimedLane,
  state: RecordState,
  { proof = true, rules = RULES }: { readonly proof?: boolean; readonly rules?: FlightRules } = {},
) {
  const about = report(claimed);
  const passenger: Passenger = {
    plan: planLane(claimed, 50),
    report: about,
    intents: [],
    withoutRead: new Map(),
  };
  decide(passenger, new Map([['T1', { kind: 'read', state, proof }]]), context(), rules);
  const { progress, memory, wait } = about.completion(undefined, 0, endChange);
  const results = progress.flatMap(({ results: of, position }) =>
    [...of.values()].map(({ result, error }) => `${position} ${error?.code ?? result}`),
  );
  return { intents: passenger.intents, results, memory, wait };
}

const read = (etag: string, fields: Readonly<Record<string, unknown>>): RecordState => ({
  found: true,
  etag,
  fields,
});

describe('a lane that rests', () => {
  const claimed = (expected: string) =>
    lane([pending(1, [update('T1', { a: 1 })])], {
      rest: { latest: 4000, expected: new Map([['T1', expected]]) },
    });

  test('writes nothing while an unproven read does not show our own last write', () => {
    const { intents, wait } = decided(claimed('W/"2"'), read('W/"1"', { a: 0 }), { proof: false });
    expect([intents, wait]).toEqual([[], { state: 'resting', delayMs: 500 }]);
  });

  test('goes on as soon as the read shows it, or is proof', () => {
    expect(decided(claimed('W/"2"'), read('W/"2"', { a: 0 }), { proof: false }).intents).toHaveLength(1);
    expect(decided(claimed('W/"2"'), read('W/"1"', { a: 0 })).intents).toHaveLength(1);
  });
});

describe('under review', () => {
  const rules: FlightRules = { ...RULES, onOverlap: 'review', ownEtags: 'ignored' };
  const changes = [
    pending(1, [update('T1', { a: 1 }, { a: 0 })]),
    pending(2, [update('T1', { b: 1 }, { b: 0 })]),
  ];

  test('merged changes are told apart where one of them overlaps: the other is not blamed for it', () => {
    const overlapping = read('W/"1"', { a: 9, b: 0 });
    const { intents, results, memory } = decided(lane(changes), overlapping, { rules });
    expect([intents, results, memory.unmergedUpTo]).toEqual([[], [], 2]);
    expect(decided(lane(changes, memory), overlapping, { rules }).results).toEqual(['1 OVERLAP']);
    const [first, second] = changes;
    if (!first || !second) throw new Error('two changes');
    expect(decided(lane([second], memory), overlapping, { rules }).intents).toMatchObject([
      { request: { fields: { b: 1 } } },
    ]);
  });
});

describe('a merged write whose changes are told apart', () => {
  const changes = [pending(1, [update('T1', { a: 1 })]), pending(2, [update('T1', { a: 2 })])];
  const covers = changes.map(({ position }) => ({ position, index: 0 }));
  const whole = intent({ request: request({ ifMatch: 'W/"1"', fields: { a: 2 } }), covers });
  const telling = (known: Partial<RecordMemory>): Partial<LaneMemory> => ({
    prefixEnd: 2,
    unmergedUpTo: 2,
    records: remembering({ T1: known }),
  });

  test('fails at the conflict limit with its first change alone, since only that one was tried', () => {
    const spent = { doubt: 'refused', intent: whole, toldApart: 'once', conflicts: 3, refusals: 9 } as const;
    expect(decided(lane(changes, telling(spent)), read('W/"7"', { a: 0 })).results).toEqual([
      '1 CONFLICT_LIMIT',
    ]);
  });

  test('leaves its other parts in doubt where a read finds the first as wanted: the whole may have landed', () => {
    // The request of the first part was refused when it was repeated; its whole is not kept any more.
    const part = intent({ request: request({ ifMatch: 'W/"1"', fields: { a: 1 } }) });
    const known = { doubt: 'refused', intent: part } as const;
    const { results, memory } = decided(lane(changes, telling(known)), read('W/"2"', { a: 1 }));
    expect(results).toEqual(['1 updated']);
    expect(memory.records.get('T1')).toMatchObject({ doubt: 'sent' });
    expect(memory.records.get('T1')?.intent).toBeUndefined();
  });
});
