/** What every lock store keeps to, in memory and in Redis: see `srv/lock/port.ts`. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneClaim } from '../../srv/journal/port.ts';
import type { TerritoryLocks } from '../../srv/lock/port.ts';

/** One store, for one test. */
export interface LockStage {
  /** As one process sees it. */
  as(journal: string, instance?: string): Promise<TerritoryLocks>;
  /** Another program takes a free lock, and frees it. */
  seize(territoryId: string): Promise<void>;
  free(territoryId: string): Promise<void>;
  /** Time goes on for the locks. */
  pass(ms: number): Promise<void>;
  /** Territories locked now, in order. */
  locked(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const TTL_MS = 60_000;

export const claim = (territoryId: string, fence = 1): LaneClaim => ({ territoryId, fence });

const list = (territories: ReadonlySet<string>): readonly string[] => [...territories].toSorted();

export function lockContract(name: string, setUp: () => Promise<LockStage>): void {
  describe(name, () => {
    let stage: LockStage;
    beforeEach(async () => {
      stage = await setUp();
    });
    afterEach(() => stage.close());

    it('gives a lock to one of those who ask at the same time', async () => {
      const all = await Promise.all(Array.from({ length: 8 }, (_, index) => stage.as(`journal ${index}`)));
      const answers = await Promise.all(all.map((locks) => locks.take([claim('NORTH')], TTL_MS)));
      expect(answers.filter(({ size }) => size > 0)).toHaveLength(1);
      expect(await stage.locked()).toEqual(['NORTH']);
    });

    it('answers of many locks at once which are ours, and takes those only', async () => {
      const [first, second] = [await stage.as('first'), await stage.as('second')];
      const ids = Array.from({ length: 200 }, (_, index) => `T-${index}`);
      const odd = ids.filter((_, index) => index % 2 === 1);
      expect(
        await first.take(
          odd.map((id) => claim(id)),
          TTL_MS,
        ),
      ).toEqual(new Set(odd));
      const even = ids.filter((_, index) => index % 2 === 0);
      expect(
        await second.take(
          ids.map((id) => claim(id)),
          TTL_MS,
        ),
      ).toEqual(new Set(even));
      expect(
        await second.renew(
          ids.map((id) => claim(id)),
          TTL_MS,
        ),
      ).toEqual(new Set(even));
      await second.release(ids.map((id) => claim(id)));
      expect(await stage.locked()).toEqual(odd.toSorted());
    });

    it('asks for nothing where there is nothing to ask for', async () => {
      const locks = await stage.as('journal');
      expect(await locks.take([], TTL_MS)).toEqual(new Set());
      expect(await locks.renew([], TTL_MS)).toEqual(new Set());
      await locks.release([]);
    });

    it('takes territories of any name', async () => {
      const ids = ['a b', '{x}', 'ä:ö', '*', '"\\', '😀', '\ufffd', 'x'.repeat(100)];
      const locks = await stage.as('journal "1"', 'instance {2}');
      const claims = ids.map((id) => claim(id));
      expect(list(await locks.take(claims, TTL_MS))).toEqual(ids.toSorted());
      expect(list(await locks.renew(claims, TTL_MS))).toEqual(ids.toSorted());
      await locks.release(claims);
      expect(await stage.locked()).toEqual([]);
    });

    describe('a lock that is held', () => {
      it('is taken over at once by a higher fence of the same journal, and lost to its former owner', async () => {
        const [dead, next] = [await stage.as('journal', 'one'), await stage.as('journal', 'two')];
        await dead.take([claim('NORTH', 7)], TTL_MS);
        expect(await next.take([claim('NORTH', 8)], TTL_MS)).toEqual(new Set(['NORTH']));
        expect(await dead.renew([claim('NORTH', 7)], TTL_MS)).toEqual(new Set());
        await dead.release([claim('NORTH', 7)]);
        expect(await next.renew([claim('NORTH', 8)], TTL_MS)).toEqual(new Set(['NORTH']));
      });

      it('tells fences apart that are as large as they get', async () => {
        const locks = await stage.as('journal');
        const fence = Number.MAX_SAFE_INTEGER - 1;
        await locks.take([claim('NORTH', fence)], TTL_MS);
        expect(await locks.take([claim('NORTH', fence - 1)], TTL_MS)).toEqual(new Set());
        expect(await locks.take([claim('NORTH', fence + 1)], TTL_MS)).toEqual(new Set(['NORTH']));
      });

      it('is refused to a lower fence', async () => {
        const [present, former] = [await stage.as('journal', 'one'), await stage.as('journal', 'two')];
        await present.take([claim('NORTH', 8)], TTL_MS);
        expect(await former.take([claim('NORTH', 7)], TTL_MS)).toEqual(new Set());
        expect(await present.renew([claim('NORTH', 8)], TTL_MS)).toEqual(new Set(['NORTH']));
      });

      it('is refused to the same fence of another instance, as two embedded journals may come to', async () => {
        const [one, two] = [await stage.as('journal', 'one'), await stage.as('journal', 'two')];
        await one.take([claim('NORTH', 7)], TTL_MS);
        expect(await two.take([claim('NORTH', 7)], TTL_MS)).toEqual(new Set());
        expect(await two.renew([claim('NORTH', 7)], TTL_MS)).toEqual(new Set());
      });

      it('is refused to another journal, however high its fence', async () => {
        const [ours, theirs] = [await stage.as('ours'), await stage.as('theirs')];
        await ours.take([claim('NORTH', 7)], TTL_MS);
        expect(await theirs.take([claim('NORTH', 99)], TTL_MS)).toEqual(new Set());
        await theirs.release([claim('NORTH', 99), claim('NORTH', 7)]);
        expect(await ours.renew([claim('NORTH', 7)], TTL_MS)).toEqual(new Set(['NORTH']));
      });

      it('by another program is left alone until it is free', async () => {
        const locks = await stage.as('journal');
        await stage.seize('NORTH');
        expect(await locks.take([claim('NORTH', 99), claim('SOUTH', 99)], TTL_MS)).toEqual(
          new Set(['SOUTH']),
        );
        expect(await locks.renew([claim('NORTH', 99)], TTL_MS)).toEqual(new Set());
        await locks.release([claim('NORTH', 99)]);
        expect(await stage.locked()).toEqual(['NORTH', 'SOUTH']);
        await stage.free('NORTH');
        expect(await locks.take([claim('NORTH', 99)], TTL_MS)).toEqual(new Set(['NORTH']));
      });
    });

    describe('the end of a lock', () => {
      it('comes by itself, and then it is anybody’s', async () => {
        const [ours, theirs] = [await stage.as('ours'), await stage.as('theirs')];
        await ours.take([claim('NORTH')], TTL_MS);
        await stage.pass(TTL_MS - 10_000);
        expect(await theirs.take([claim('NORTH')], TTL_MS)).toEqual(new Set());
        await stage.pass(10_000);
        expect(await theirs.take([claim('NORTH')], TTL_MS)).toEqual(new Set(['NORTH']));
      });

      it.each(['renew', 'take'] as const)('is put off by the owner’s %s', async (call) => {
        const [ours, theirs] = [await stage.as('ours'), await stage.as('theirs')];
        await ours.take([claim('NORTH')], TTL_MS);
        await stage.pass(TTL_MS - 10_000);
        expect(await ours[call]([claim('NORTH')], TTL_MS)).toEqual(new Set(['NORTH']));
        await stage.pass(TTL_MS - 10_000);
        expect(await theirs.take([claim('NORTH')], TTL_MS)).toEqual(new Set());
      });

      it('is final: nothing renews a lock that was free meanwhile', async () => {
        const locks = await stage.as('journal');
        await locks.take([claim('NORTH')], TTL_MS);
        await stage.pass(TTL_MS);
        expect(await locks.renew([claim('NORTH')], TTL_MS)).toEqual(new Set());
        expect(await stage.locked()).toEqual([]);
      });

      it('comes at once when its owner gives it back', async () => {
        const [ours, theirs] = [await stage.as('ours'), await stage.as('theirs')];
        await ours.take([claim('NORTH'), claim('SOUTH')], TTL_MS);
        await ours.release([claim('NORTH')]);
        expect(await theirs.take([claim('NORTH'), claim('SOUTH')], TTL_MS)).toEqual(new Set(['NORTH']));
      });
    });

    it('is up', async () => {
      expect((await stage.as('journal')).check()).toEqual({ status: 'UP', since: expect.any(Number) });
    });
  });
}
