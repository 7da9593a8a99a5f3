import { beforeEach, describe, expect, it } from 'vitest';
import {
  append,
  changesOf,
  claim,
  claimValues,
  complete,
  event,
  garbage,
  int,
  lanesOf,
  LEASE_MS,
  type Event,
  type Lane,
} from './postgres-calls.ts';
import { type Row } from './postgres-database.ts';
import { describeOnPostgres, statementsDatabase } from './postgres-tests.ts';

describeOnPostgres('the PostgreSQL statements', () => {
  const db = statementsDatabase();

  const appendAll = (events: readonly Event[]) => db.within((run) => append(run, events));
  const pass = (ms: number) =>
    db.query(
      `update lanes set leased_until = leased_until - make_interval(secs => $1::float8 / 1000),
                        not_before = not_before - make_interval(secs => $1::float8 / 1000)`,
      [ms],
    );
  const stateOf = async (lane: string): Promise<Row> =>
    (
      await db.query(
        'select waiting_for, pending, leased_until, ready_at > clock_timestamp() as waits from lanes where territory_id = $1',
        [lane],
      )
    )[0] ?? {};

  describe('append', () => {
    it('gives positions in delivery order, and reads back what was appended', async () => {
      const positions = await appendAll([event('a'), event('b', 'APJ'), event('c')]);
      expect(positions).toEqual(positions.toSorted((a, b) => int(a) - int(b)));
      const lanes = (await claim(db.run)).filter(({ lane }) => lane === 'EMEA');
      const rows = await db.run('claimed-changes/claimed-changes', [['EMEA'], 1000]);
      expect(await changesOf(db.run, lanes)).toEqual(['a', 'c']);
      expect(rows[0]).toMatchObject({
        territory_id: 'EMEA',
        body: Buffer.from('a'),
        content_type: 'application/json',
        digest: 'a',
        received_ms: 1_795_338_000_123,
        decision: 0,
        attempts: 0,
        conflicts: 0,
        results: [],
        history: [],
      });
    });

    it('makes a second appender of a lane wait, so that a later position is never seen before an earlier one', async () => {
      const first = await db.begin();
      const [early] = await append(first.run, [event('a')]);
      const second = appendAll([event('b')]);
      await expect.poll(() => db.waiting()).toBe(1);
      await first.end('commit');
      const [late] = await second;
      expect(int(late)).toBeGreaterThan(int(early));
    });

    it('shows a reader growing positions only, while two append to the same lanes in opposite order', async () => {
      const rounds = 40;
      let appending = 2;
      const appender = async (name: string, lanes: readonly string[]) => {
        for (let round = 0; round < rounds; round += 1) {
          await appendAll(lanes.map((lane) => event(`${name} ${round} ${lane}`, lane)));
        }
        appending -= 1;
      };
      const appenders = Promise.all([
        appender('one', ['L1', 'L2', 'L3']),
        appender('two', ['L3', 'L2', 'L1']),
      ]);
      const seen = new Map<unknown, unknown[]>();
      let last = false;
      while (!last) {
        last = appending === 0;
        const rows = await db.query('select territory_id, position from changes order by position');
        for (const lane of ['L1', 'L2', 'L3']) {
          const positions = rows.filter((row) => row['territory_id'] === lane).map((row) => row['position']);
          const known = seen.get(lane) ?? [];
          expect(positions.slice(0, known.length)).toEqual(known);
          seen.set(lane, positions);
        }
      }
      await appenders;
      expect([...seen.values()].map((positions) => positions.length)).toEqual([80, 80, 80]);
    });

    it('tells duplicates and clashes, within a batch and later, and appends the rest', async () => {
      const clash = { ...event('a'), digest: 'another' };
      expect((await appendAll([event('a'), event('a'), clash])).slice(1)).toEqual(['pending', 'clash']);
      const [a, b, c] = await appendAll([event('a'), clash, event('b')]);
      expect([a, b]).toEqual(['pending', 'clash']);
      const [lane] = await claim(db.run);
      expect(await changesOf(db.run, [lane as Lane])).toEqual(['a', 'b']);
      const [position] = await db.query(`select position from changes where id = 'a'`);
      await db.within((run) => complete(run, lane as Lane, { ended: [int(position?.['position'])] }));
      expect(await appendAll([event('a'), clash])).toEqual(['duplicate', 'clash']);
      expect(await stateOf('EMEA')).toMatchObject({ pending: 1 });
      expect(int(c)).toBeGreaterThan(0);
    });

    it('tells a duplicate that another receiver is just appending', async () => {
      const first = await db.begin();
      await append(first.run, [event('a', 'L1')]);
      // The same id under another territory, so that no lane's lock keeps them apart.
      const second = appendAll([{ id: 'a', lane: 'L2', digest: 'another' }, event('b', 'L2')]);
      await expect.poll(() => db.waiting()).toBe(1);
      await first.end('commit');
      expect((await second)[0]).toBe('clash');
      expect(await stateOf('L2')).toMatchObject({ pending: 1 });
    });

    it('leaves nothing behind when it is rolled back', async () => {
      const transaction = await db.begin();
      await append(transaction.run, [event('a')]);
      await transaction.end('rollback');
      expect(await claim(db.run)).toEqual([]);
      expect(int((await appendAll([event('a')]))[0])).toBeGreaterThan(0);
    });

    it('takes what cannot be read once per payload', async () => {
      expect(await db.run('append/insert-unreadable', garbage(['1', '2', '1']))).toEqual([
        { index: 1 },
        { index: 2 },
      ]);
      expect(await db.run('append/insert-unreadable', garbage(['2', '3']))).toEqual([{ index: 2 }]);
    });
  });

  describe('claim', () => {
    it('passes over what another one is claiming, without waiting', async () => {
      await appendAll(['L1', 'L2', 'L3'].map((lane) => event(lane, lane)));
      const other = await db.begin();
      const [taken] = await other.run('claim/claim', claimValues(1, LEASE_MS, 1));
      const mine = await claim(db.run);
      expect(lanesOf(mine)).toEqual(['L1', 'L2', 'L3'].filter((lane) => lane !== taken?.['territory_id']));
      await other.end('commit');
      expect(await claim(db.run)).toEqual([]);
    });

    it('gives each lane to one of many that ask at once, with a fence of its own', async () => {
      await appendAll(Array.from({ length: 30 }, (_, index) => event(`e${index}`, `L${index}`)));
      const claims = (await Promise.all(Array.from({ length: 6 }, () => claim(db.run, 7)))).flat();
      expect(new Set(claims.map(({ lane }) => lane)).size).toBe(claims.length);
      expect(new Set(claims.map(({ fence }) => fence)).size).toBe(claims.length);
      expect(claims.length + (await claim(db.run)).length).toBe(30);
    });

    it('fills a flight with the lanes that have been ready longest, and leaves what does not fit for the next', async () => {
      const sized = (lane: string, size: number): Event => ({
        id: lane,
        lane,
        records: Array.from({ length: size }, (_, index) => `T${index}`),
      });
      for (const one of [sized('SMALL', 1), sized('LARGE', 4), sized('LATE', 1)]) await appendAll([one]);
      expect(lanesOf(await claim(db.run, 3))).toEqual(['LATE', 'SMALL']);
      await appendAll([sized('LATER', 1)]);
      expect(lanesOf(await claim(db.run, 3))).toEqual(['LARGE']);
      expect(lanesOf(await claim(db.run, 3))).toEqual(['LATER']);
    });

    it('serves the lane first that has been ready longest: since its wait ended, or since it had anything pending', async () => {
      const [position] = await appendAll([event('a', 'EMPTIED')]);
      const [emptied] = (await claim(db.run)) as [Lane];
      await db.within((run) => complete(run, emptied, { ended: [int(position)] }));
      await appendAll([event('b', 'WAITING'), event('c', 'READY')]);
      const lanes = await claim(db.run);
      const by = (name: string) => lanes.find(({ lane }) => lane === name) as Lane;
      await db.within((run) => complete(run, by('WAITING'), { wait: 'retrying', delayMs: 60_000 }));
      await db.within((run) => complete(run, by('READY')));
      await pass(61_000);
      await appendAll([event('d', 'EMPTIED')]);
      const order = [];
      for (let turn = 0; turn < 3; turn += 1) order.push(...lanesOf(await claim(db.run, 1)));
      expect(order).toEqual(['READY', 'WAITING', 'EMPTIED']);
    });

    it('reads changes that were appended until then, and what an earlier owner recorded', async () => {
      const positions = await appendAll([event('a'), event('b')]);
      const [first] = await claim(db.run);
      await appendAll([event('c')]);
      await db.within((run) => complete(run, first as Lane, { ended: [int(positions[0])] }));
      expect(await changesOf(db.run, await claim(db.run))).toEqual(['b', 'c']);
    });

    it('leaves a lane alone that holds a newer format', async () => {
      await appendAll([event('a')]);
      await db.query('update lanes set format = 2');
      expect(await claim(db.run)).toEqual([]);
    });

    it('goes on with higher positions and fences after a lane was forgotten', async () => {
      const [position] = await appendAll([event('a')]);
      const [lane] = (await claim(db.run)) as [Lane];
      await db.within((run) => complete(run, lane, { ended: [int(position)] }));
      await db.run('due/forget-lanes');
      expect(await stateOf('EMEA')).toEqual({});
      const [next] = await appendAll([event('b')]);
      expect(int(next)).toBeGreaterThan(int(position));
      expect(int((await claim(db.run))[0]?.fence)).toBeGreaterThan(int(lane.fence));
    });
  });

  describe('a stale fence', () => {
    let stale: Lane;
    let owner: Lane;
    beforeEach(async () => {
      await appendAll([event('a')]);
      [stale] = (await claim(db.run, 100, 1000)) as [Lane];
      await pass(1000);
      [owner] = (await claim(db.run)) as [Lane];
    });
    const store = ({ lane, fence }: Lane, intents: object) =>
      db.run('store-intents/store-intents', [[lane], [fence], [JSON.stringify(intents)]]);
    const renew = ({ lane, fence }: Lane) => db.run('renew/renew', [[lane], [fence], LEASE_MS]);

    it('stores no intents, renews nothing and completes nothing', async () => {
      expect(await store(stale, { T1: 'stale' })).toEqual([]);
      expect(await renew(stale)).toEqual([]);
      expect(await db.within((run) => complete(run, stale))).toBe(false);
      expect(await db.query('select intents, fence from lanes')).toEqual([
        { intents: {}, fence: owner.fence },
      ]);
    });

    it('is also that of an owner who has completed', async () => {
      expect(await db.within((run) => complete(run, owner))).toBe(true);
      expect(await store(owner, { T1: 'late' })).toEqual([]);
      expect(await renew(owner)).toEqual([]);
      expect(await db.within((run) => complete(run, owner))).toBe(false);
    });

    it('is not that of an owner whose lease is over while nobody took the lane', async () => {
      await pass(LEASE_MS);
      expect(await store(owner, { T1: 'in time' })).toEqual([{ territory_id: 'EMEA' }]);
      expect(await renew(owner)).toEqual([{ territory_id: 'EMEA' }]);
      expect(await claim(db.run)).toEqual([]);
    });

    it('is refused also when the takeover commits while the stale owner waits for the lane', async () => {
      await pass(LEASE_MS);
      const takeover = await db.begin();
      const [newer] = (await claim(takeover.run)) as [Lane];
      const late = store(owner, { T1: 'late' });
      await expect.poll(() => db.waiting()).toBe(1);
      await takeover.end('commit');
      expect(await late).toEqual([]);
      expect(await store(newer, { T1: 'right' })).toEqual([{ territory_id: 'EMEA' }]);
    });

    it('leaves the intents to the next owner as texts, to the byte, added to those before', async () => {
      const text = '{"z":1,"a":{"0":1e2}}';
      await store(owner, { T1: text });
      await store(owner, { T2: 'other' });
      await pass(LEASE_MS);
      const [row] = await db.run('claim/claim', claimValues(1, LEASE_MS));
      expect(row?.['intents']).toEqual({ T1: text, T2: 'other' });
    });
  });

  describe('complete', () => {
    it('records outcomes, memory and wait together, or nothing', async () => {
      const [position] = await appendAll([event('a'), event('b')]);
      const [lane] = (await claim(db.run)) as [Lane];
      const made = { ended: [int(position)], wait: 'retrying', delayMs: 2000, memory: { prefixEnd: 7 } };
      const crash = db.within(async (run) => {
        await complete(run, lane, made);
        throw new Error('crash before the commit');
      });
      await expect(crash).rejects.toThrow('crash');
      expect(await stateOf('EMEA')).toMatchObject({
        pending: 2,
        waiting_for: null,
        leased_until: expect.any(Date),
      });
      await db.within((run) => complete(run, lane, made));
      expect(await stateOf('EMEA')).toEqual({
        pending: 1,
        waiting_for: 'retrying',
        leased_until: null,
        waits: true,
      });
      const [due] = await db.run('due/next-due', [1, null, 'test']);
      expect(int(due?.['due_ms'])).toBeGreaterThan(1000);
      expect(await claim(db.run)).toEqual([]);
      await pass(2000);
      const [row] = await db.run('claim/claim', claimValues(1, LEASE_MS));
      expect(row?.['memory']).toEqual({ prefixEnd: 7 });
    });

    it('makes related lanes rest, also one that is not there yet, and lets the longer wait count', async () => {
      await appendAll([event('a', 'WRITER'), event('b', 'LONGER')]);
      const lanes = await claim(db.run);
      const by = (name: string) => lanes.find(({ lane }) => lane === name) as Lane;
      await db.within((run) => complete(run, by('LONGER'), { wait: 'retrying', delayMs: 9000 }));
      await db.within((run) => complete(run, by('WRITER'), { alsoRest: ['LONGER', 'NEW', 'WRITER'] }));
      await appendAll([event('c', 'NEW')]);
      expect(await stateOf('LONGER')).toMatchObject({ waiting_for: 'retrying', waits: true });
      expect(await stateOf('NEW')).toMatchObject({ waiting_for: 'resting', waits: true });
      expect(await stateOf('WRITER')).toMatchObject({ waiting_for: 'resting', waits: true });
      expect(await claim(db.run)).toEqual([]);
      await pass(5000);
      expect(lanesOf(await claim(db.run))).toEqual(['NEW', 'WRITER']);
    });

    it('does not wait for another transaction that needs the same lanes in another order', async () => {
      await appendAll(['L1', 'L2', 'L3'].map((lane) => event(lane, lane)));
      for (let round = 0; round < 10; round += 1) {
        const lanes = await claim(db.run);
        expect(lanes).toHaveLength(3);
        const others = (lane: string) => ['L3', 'L2', 'L1'].filter((other) => other !== lane);
        const work = lanes.map((lane) =>
          db.within((run) => complete(run, lane, { alsoRest: others(lane.lane) })),
        );
        const appends = ['x', 'y'].map((name) =>
          appendAll(['L3', 'L1', 'L2'].map((lane) => event(`${name} ${round} ${lane}`, lane))),
        );
        await Promise.all([...work, ...appends]);
        await pass(5000);
      }
    });
  });

  describe('the outbox', () => {
    const add = (...ids: readonly string[]) =>
      db.run('outbox/add', [
        ids,
        ids.map(() => 'outcome'),
        ids.map(() => '{"to":"t"}'),
        ids.map((id) => Buffer.from(id)),
        ids.map(() => null),
      ]);
    const take = async (limit: number, leaseMs = LEASE_MS) =>
      (await db.run('outbox/take', [limit, leaseMs, null])).map((row) => row['message_id']);

    it('hands out each message once, oldest first, until it is given back or its taker is gone', async () => {
      await add('1', '2', '3');
      expect(await take(2)).toEqual(['1', '2']);
      expect(await take(2)).toEqual(['3']);
      await db.run('outbox/give-back', [['2']]);
      expect(await take(2, 0)).toEqual(['2']);
      expect(await take(2)).toEqual(['2']);
    });

    it('passes over what another publisher is just taking', async () => {
      await add('1', '2');
      const other = await db.begin();
      await other.run('outbox/take', [1, LEASE_MS, null]);
      expect(await take(2)).toEqual(['2']);
      await other.end('commit');
    });

    it('forgets what was sent, and keeps what is parked out of the way', async () => {
      await add('1', '2', '3');
      await take(3, 0);
      await db.run('outbox/sent', [['1']]);
      await db.run('outbox/park', [['2']]);
      await db.run('outbox/give-back', [['1', '2', '3']]);
      expect(await take(3)).toEqual(['3']);
      expect(await db.query('select message_id from outbox order by seq')).toEqual([
        { message_id: '2' },
        { message_id: '3' },
      ]);
    });

    it('sends both of two messages under one id, one after the other', async () => {
      await add('twin', 'twin');
      expect(await take(9)).toEqual(['twin']);
      expect(await take(9)).toEqual([]);
      await db.run('outbox/sent', [['twin']]);
      expect(await take(9)).toEqual(['twin']);
    });
  });
});
