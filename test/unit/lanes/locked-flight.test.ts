/** Flights under locks: real flights, journal and API double, on a clock of the test's own. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { LockWaits } from '../../../srv/lanes/lock-waits.ts';
import { flyLocked, type LockedFlightDeps } from '../../../srv/lanes/locked-flight.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import { noLocks } from '../../../srv/lock/none.ts';
import { writesIn } from '../../../srv/monitor/write-results.ts';
import type { ReadRequest, WriteAnswer, WriteRequest } from '../../../srv/territory-api/port.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { MemoryLockStore } from '../../doubles/memory-locks.ts';
import { PROMPT, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { endChange } from './samples.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';

const LEASE_MS = 60_000;
const LOCK_MS = 300_000;
const REQUEST_MS = 30_000;
const PROPAGATION = { minMs: 0, maxMs: 0 };

/** An API that lets a test act between its calls, and leave a write without an answer. */
class ObservedApi extends TerritoryApiDouble {
  reads = 0;
  writes = 0;
  onRead: () => void | Promise<void> = () => undefined;
  onWrite: () => void | Promise<void> = () => undefined;
  answers: 'given' | 'lost' = 'given';

  override async read(request: ReadRequest) {
    this.reads += 1;
    await this.onRead();
    return super.read(request);
  }

  override async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    this.writes += 1;
    const answer = await super.write(requests);
    await this.onWrite();
    if (this.answers === 'given') return answer;
    return { kind: 'trouble', sent: true, trouble: { reason: 'timeout', message: 'no answer' } };
  }
}

function world() {
  const clock = new ManualClock();
  const api = new ObservedApi(clock, PROMPT);
  for (const territory of ['NORTH', 'SOUTH']) api.seed(`${territory}/T1`, { owner: 'nobody' });
  const store = new MemoryLockStore(clock);
  const journal = new MemoryJournal({ clock });
  const waited: number[] = [];
  const deps: LockedFlightDeps = {
    ...flightDeps({ api, journal, clock, endChange, rules: { propagation: PROPAGATION } }),
    locks: store.as('ours'),
    waits: new LockWaits(),
    lockMs: LOCK_MS,
    requestMs: REQUEST_MS,
    onWaited: (waitMs) => waited.push(waitMs),
  };
  const flight = async (mine = deps) => {
    const lanes = await journal.claim({ records: 10, leaseMs: LEASE_MS });
    const flown = await flyLocked(lanes, 10, mine, () => true, new AbortController().signal);
    return { ...flown, writes: writesIn(flown.results), conflicts: flown.results.conflict };
  };
  const lanes = async () => {
    const all = await journal.lanes({ limit: 10 });
    return Object.fromEntries(all.map(({ territoryId, state }) => [territoryId, state]));
  };
  return { clock, api, store, journal, waited, deps, flight, lanes };
}

describe('A flight under locks', () => {
  let scene: ReturnType<typeof world>;
  beforeEach(async () => {
    scene = world();
    await appendNew(scene.journal, [change('a', 'NORTH'), change('b', 'SOUTH')]);
  });

  it('holds the locks while it reads and writes, and gives them back at its end', async () => {
    const { api, store, flight, clock } = scene;
    const seen: (readonly string[])[] = [];
    api.onRead = () => void seen.push(store.locked);
    api.onWrite = () => void seen.push(store.locked);
    expect(await flight()).toMatchObject({ writes: 2 });
    expect(seen).toEqual([
      ['NORTH', 'SOUTH'],
      ['NORTH', 'SOUTH'],
    ]);
    expect([store.locked, clock.pendingTimers]).toEqual([[], 0]);
  });

  it('leaves out a lane whose lock another program holds; that one waits as locked, longer each time', async () => {
    const { clock, api, store, flight, lanes, waited } = scene;
    store.seize('NORTH', LOCK_MS);
    expect(await flight()).toMatchObject({ writes: 1 });
    expect(api.landed.map(({ record }) => record)).toEqual(['SOUTH/T1']);
    for (const delayMs of [2000, 4000, 8000]) {
      await clock.elapse(delayMs - 1);
      expect(await lanes()).toMatchObject({ NORTH: 'locked' });
      await clock.elapse(1);
      expect(await lanes()).toMatchObject({ NORTH: 'ready' });
      expect(await flight()).toMatchObject({ writes: 0 });
    }
    store.free('NORTH');
    await clock.elapse(16_000);
    expect(await flight()).toMatchObject({ writes: 1 });
    expect(api.landed.map(({ record }) => record)).toEqual(['SOUTH/T1', 'NORTH/T1']);
    expect(waited).toEqual([0, 30_000]);
    // Nothing was read for it while it waited.
    expect(api.reads).toBe(2);
  });

  it('begins the back-off anew once the lock was ours', async () => {
    const { clock, store, journal, flight, lanes } = scene;
    store.seize('NORTH', LOCK_MS);
    await flight();
    await clock.elapse(2000);
    store.free('NORTH');
    await flight();
    await appendNew(journal, [change('c', 'NORTH')]);
    store.seize('NORTH', LOCK_MS);
    await flight();
    await clock.elapse(2000);
    expect(await lanes()).toMatchObject({ NORTH: 'ready' });
  });

  it('writes nothing to a territory whose lock was lost since it was taken, and goes on with the others', async () => {
    const { api, store, flight, lanes } = scene;
    api.onRead = () => store.seize('NORTH', LOCK_MS);
    expect(await flight()).toMatchObject({ writes: 1 });
    expect(api.landed.map(({ record }) => record)).toEqual(['SOUTH/T1']);
    expect(await lanes()).toMatchObject({ NORTH: 'ready' });
    // The other program's lock is not given back with ours.
    expect(store.locked).toEqual(['NORTH']);
  });

  it.each([
    { seized: 'none', writes: 2 },
    { seized: 'one', writes: 1 },
  ] as const)(
    'renews the locks at a third of their time, and sends nothing once one of them is lost ($seized seized)',
    async ({ seized, writes }) => {
      const { clock, store, journal, deps, api } = scene;
      const lanes = await journal.claim({ records: 10, leaseMs: LEASE_MS });
      api.onWrite = async () => {
        await clock.elapse(44_000);
        if (seized === 'one') store.seize('NORTH', LOCK_MS);
        await clock.elapse(15_000);
      };
      /** Each record in a request of its own. */
      const suspects = new (class extends Suspects {
        override ask: Suspects['ask'] = async (records, ask) => {
          const answers = [];
          for (const record of records) answers.push(...(await super.ask([record], ask)));
          return answers;
        };
      })();
      const mine = { ...deps, lockMs: 45_000, suspects };
      await flyLocked(lanes, 10, mine, () => true, new AbortController().signal);
      expect(api.writes).toBe(writes);
    },
  );

  it('keeps the lock of a lane in doubt, and its next flight goes on under it', async () => {
    const { clock, api, store, flight, lanes, deps } = scene;
    api.answers = 'lost';
    expect((await flight()).trouble).toMatchObject({ reason: 'timeout' });
    expect(store.locked).toEqual(['NORTH', 'SOUTH']);
    expect(await store.as('theirs').take([{ territoryId: 'NORTH', fence: 1 }], LOCK_MS)).toEqual(new Set());
    api.answers = 'given';
    await clock.elapse(32_000);
    // Another process of the same journal, as after a crash.
    await flight({ ...deps, locks: store.as('ours', 'another') });
    expect(await lanes()).toEqual({});
    expect(store.locked).toEqual([]);
  });

  describe('while the lock store is away', () => {
    it('reads and writes nothing, and gives the lanes back as they were', async () => {
      const { api, store, flight, lanes, journal } = scene;
      store.turn('off');
      expect(await flight()).toMatchObject({ writes: 0, conflicts: 0 });
      expect([api.reads, api.writes]).toEqual([0, 0]);
      expect(await lanes()).toEqual({ NORTH: 'ready', SOUTH: 'ready' });
      store.turn('on');
      const [lane] = await journal.claim({ records: 1, leaseMs: LEASE_MS });
      expect(lane?.changes[0]).toMatchObject({ attempts: 0, conflicts: 0, history: [] });
    });

    it('sends no write for which the locks cannot be looked at, and spends no attempt', async () => {
      const { api, store, flight, lanes, journal } = scene;
      api.onRead = () => store.turn('off');
      expect(await flight()).toMatchObject({ writes: 0, conflicts: 0 });
      expect([api.reads, api.writes]).toEqual([1, 0]);
      expect(await lanes()).toEqual({ NORTH: 'ready', SOUTH: 'ready' });
      store.turn('on');
      const [lane] = await journal.claim({ records: 1, leaseMs: LEASE_MS });
      expect(lane?.changes[0]).toMatchObject({ attempts: 0, conflicts: 0 });
    });

    it('completes what was written, though the locks cannot be given back', async () => {
      const { api, store, flight, lanes } = scene;
      api.onWrite = () => store.turn('off');
      expect(await flight()).toMatchObject({ writes: 2 });
      expect(await lanes()).toEqual({});
    });
  });

  it('flies without any lock where no store is bound', async () => {
    const { api, store, deps, flight } = scene;
    api.onWrite = () => expect(store.locked).toEqual([]);
    expect(await flight({ ...deps, locks: noLocks })).toMatchObject({ writes: 2 });
    expect(noLocks.check()).toBeUndefined();
  });
});
