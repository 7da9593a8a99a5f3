/** The calls that random histories of a journal are made of, each run on the journal and on the model of it. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Arrival, ClaimedLane, Journal, LaneState, WaitState } from '../../../srv/journal/port.ts';
import type { JournalUnderTest } from './bench.ts';
import { JournalModel } from './model.ts';
import { change, completion, idsOf, intent, message, unreadable, type Flown } from './samples.ts';

/** The journal, and what a history has seen of it so far. */
export interface Real {
  readonly under: JournalUnderTest;
  readonly journal: Journal;
  /** Every claim ever given: stale ones are shown again. */
  readonly claims: ClaimedLane[];
  readonly released: string[];
}

type Command = fc.AsyncCommand<JournalModel, Real>;

const TERRITORIES = ['L1', 'L2', 'L3'];
const RECORDS = ['T1', 'T2', 'T3', 'T4'];

/** Few ids, so that duplicates and clashes come up. */
const arrival: fc.Arbitrary<Arrival> = fc.oneof(
  { weight: 8, arbitrary: readable() },
  { weight: 1, arbitrary: garbage() },
);

function readable(): fc.Arbitrary<Arrival> {
  const parts = fc.record({
    id: fc.nat(30),
    territoryId: fc.constantFrom(...TERRITORIES),
    records: fc.subarray(RECORDS, { minLength: 1 }),
    payload: fc.constantFrom('same', 'same', 'same', 'other'),
  });
  return parts.map(({ id, territoryId, records, payload }) =>
    // The territory belongs to the payload, as in a digest of the change's meaning.
    change(`c${id}`, territoryId, { records, digest: `${territoryId} ${records.join(' ')} ${payload}` }),
  );
}

function garbage(): fc.Arbitrary<Arrival> {
  return fc.record({ id: fc.nat(3), digest: fc.nat(2) }).map(({ id, digest }) =>
    // Two payloads of one id share the id of a message.
    unreadable(`x${id}`, {
      digest: `bytes ${digest}`,
      messages: [message(`copy ${id}`), message(`event ${id} ${digest}`)],
    }),
  );
}

const flown: fc.Arbitrary<Flown> = fc.record({
  begins: fc.nat(4),
  ends: fc.nat(4),
  wait: fc.option(
    fc.record({
      state: fc.constantFrom<WaitState>('retrying', 'resting', 'locked'),
      delayMs: fc.constantFrom(0, 5, 20, 60),
    }),
    { nil: undefined },
  ),
  alsoRest: fc.option(
    fc.record({ territoryIds: fc.subarray([...TERRITORIES, 'L4']), delayMs: fc.constantFrom(5, 30) }),
    { nil: undefined },
  ),
});

/** Made by hand rather than by class: a command is its text, its condition (none here) and what it does. */
function command(text: string, run: (model: JournalModel, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real);
      await compare(model, real);
    },
    toString: () => text,
  };
}

export const commands = fc.commands<JournalModel, Real, false>(
  [
    fc.array(arrival, { minLength: 1, maxLength: 5 }).map(appendCommand),
    fc
      .record({ records: fc.integer({ min: 1, max: 8 }), leaseMs: fc.constantFrom(10, 50, 500) })
      .map(claimCommand),
    fc.record({ which: fc.nat(7), flown }).map(({ which, flown: made }) => completeCommand(which, made)),
    fc.nat(7).map(storeCommand),
    fc.record({ which: fc.nat(7), leaseMs: fc.constantFrom(10, 50) }).map(renewCommand),
    fc.constantFrom(1, 4, 10, 50, 200).map(passCommand),
    fc.integer({ min: 1, max: 4 }).map(publishCommand),
    fc.integer({ min: 1, max: 4 }).map(giveBackCommand),
    fc.constant(lostCommand()),
  ],
  { maxCommands: 60, size: 'max' },
);

function appendCommand(arrivals: readonly Arrival[]): Command {
  const text = arrivals.map((one) => (one.kind === 'change' ? one.change.id : one.ref.id)).join(' ');
  return command(`append ${text}`, async (model, { journal }) => {
    const results = await journal.append(arrivals);
    expect(results).toHaveLength(arrivals.length);
    for (const [index, result] of results.entries()) {
      const one = arrivals[index] as Arrival;
      expect(model.expectedKinds(one)).toContain(result.kind);
      if (result.kind === 'appended') model.appended(one, result.position);
    }
  });
}

function claimCommand({ records, leaseMs }: { records: number; leaseMs: number }): Command {
  return command(`claim ${records} for ${leaseMs} ms`, async (model, { journal, claims }) => {
    const ready = model.ready();
    const since = Math.min(...ready.map((lane) => model.readyAt(lane)));
    const claimed = await journal.claim({ records, leaseMs });
    const lanes = claimed.map(({ territoryId }) => model.lane(territoryId));
    expect(new Set(lanes).size).toBe(lanes.length);
    for (const lane of lanes) expect(ready).toContain(lane);
    if (ready.length > 0) expect(lanes.map((lane) => model.readyAt(lane))).toContain(since);
    const taken = lanes.reduce((sum, lane) => sum + model.wanted(lane), 0);
    if (lanes.length > 1) expect(taken).toBeLessThanOrEqual(records);
    for (const lane of ready.filter((other) => !lanes.includes(other))) {
      expect(taken >= records || taken + model.wanted(lane) > records).toBe(true);
    }
    for (const claim of claimed) {
      expectClaim(claim, model);
      model.claimed(claim, leaseMs);
      claims.push(claim);
    }
  });
}

/** The owner is given the lane as earlier flights left it. */
function expectClaim(claim: ClaimedLane, model: JournalModel): void {
  const lane = model.lane(claim.territoryId);
  const pending = model.pendingOf(lane);
  expect(idsOf(claim)).toEqual(pending.map(({ id }) => id));
  expect(claim.changes.map(({ position }) => position)).toEqual(pending.map(({ position }) => position));
  expect(claim.changes.map(({ attempts }) => attempts)).toEqual(pending.map(({ attempts }) => attempts));
  // A lane that had nothing left may have been forgotten.
  if (pending[0] && pending[0].position <= lane.prefixEnd)
    expect(claim.memory.prefixEnd).toBe(lane.prefixEnd);
  expect(new Set(claim.memory.records.keys())).toEqual(lane.intents);
}

function completeCommand(which: number, made: Flown): Command {
  return command(`complete claim -${which} ${JSON.stringify(made)}`, async (model, { journal, claims }) => {
    const claim = claims.at(-1 - which);
    if (!claim) return;
    const ends = Math.min(made.ends ?? 0, claim.changes.length);
    const begins = Math.min(Math.max(made.begins ?? 0, ends), claim.changes.length);
    const fits = { ...made, ends, begins };
    const held = model.holds(claim);
    const accepted = await journal.complete([completion(claim, fits)]);
    expect(accepted).toEqual(new Set(held ? [claim.territoryId] : []));
    if (held) model.completed(claim, fits, made.alsoRest?.delayMs);
  });
}

function storeCommand(which: number): Command {
  return command(`store intents of claim -${which}`, async (model, { journal, claims }) => {
    const claim = claims.at(-1 - which);
    if (!claim) return;
    const [first] = claim.changes;
    const record = first?.change.assignments[0]?.id ?? 'T1';
    const intents = [intent(claim.territoryId, record, [first?.position ?? 0])];
    const held = await journal.storeIntents([{ ...claim, intents }]);
    expect(held).toEqual(new Set(model.holds(claim) ? [claim.territoryId] : []));
    if (model.holds(claim)) model.lane(claim.territoryId).intents.add(record);
  });
}

function renewCommand({ which, leaseMs }: { which: number; leaseMs: number }): Command {
  return command(`renew claim -${which} for ${leaseMs} ms`, async (model, { journal, claims }) => {
    const claim = claims.at(-1 - which);
    if (!claim) return;
    const held = await journal.renew([claim], leaseMs);
    expect(held).toEqual(new Set(model.holds(claim) ? [claim.territoryId] : []));
    if (model.holds(claim)) model.lane(claim.territoryId).leaseEndsAt = model.nowMs + leaseMs;
  });
}

function passCommand(ms: number): Command {
  return command(`pass ${ms} ms`, async (model, { under }) => {
    await under.pass(ms);
    model.nowMs += ms;
  });
}

function publishCommand(limit: number): Command {
  return command(`publish ${limit}`, async (model, { journal }) => {
    const ids = await takeUnsent(model, journal, limit);
    // The mesh confirms in another order than it was asked in.
    const confirmed = ids.toReversed();
    await journal.markSent(confirmed);
    for (const id of confirmed) model.sent(id);
  });
}

function giveBackCommand(limit: number): Command {
  return command(`take ${limit} and give back`, async (model, { journal }) => {
    const ids = await takeUnsent(model, journal, limit);
    await journal.giveBack(ids);
    for (const id of ids) model.givenBack(id);
  });
}

async function takeUnsent(model: JournalModel, journal: Journal, limit: number): Promise<string[]> {
  const expected = model.untaken(limit);
  const ids = (await journal.takeUnsent(limit)).map(({ id }) => id);
  expect(ids).toEqual(expected.map(({ id }) => id));
  for (const one of expected) one.taken = true;
  return ids;
}

function lostCommand(): Command {
  return command('receiver lost', async (model, { journal }) => {
    await journal.receiverLost();
    model.lostReceiver();
  });
}

/** What anyone may ask at any time has to agree. */
async function compare(model: JournalModel, { journal, released }: Real): Promise<void> {
  const busy = model.busy();
  const lanes: Partial<Record<LaneState, number>> = {};
  for (const lane of busy) lanes[model.stateOf(lane)] = (lanes[model.stateOf(lane)] ?? 0) + 1;
  const figures = await journal.figures();
  expect(Object.fromEntries(Object.entries(figures.lanes).filter(([, count]) => count > 0))).toEqual(lanes);
  expect(figures.pendingChanges).toBe(busy.reduce((sum, lane) => sum + model.pendingOf(lane).length, 0));
  expect(figures.outboxUnsent).toBe(model.outbox.length);
  const due = busy.map((lane) => Math.max(0, model.readyAt(lane) - model.nowMs));
  expect(await journal.nextDueMs()).toBe(due.length === 0 ? undefined : Math.min(...due));
  for (const [territoryId, expected] of model.released) {
    const seen = released.filter((receipt) => expected.includes(receipt));
    if (territoryId === '') expect(seen.toSorted()).toEqual(expected.toSorted());
    else expect(seen).toEqual(expected);
  }
  expect(released).toHaveLength([...model.released.values()].flat().length);
}
