import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { HistoryLimitError } from '../../sandbox/territory-api/history.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { TerritoryStore } from '../../sandbox/territory-api/store.ts';
import type { Addressing, Moment } from '../../sandbox/territory-api/store.ts';

const caches = { nodes: 3, minLagMs: 2000, maxLagMs: 5000 };
const moment = (node: number, monotonicMs: number): Moment => ({
  node,
  monotonicMs,
  wallMs: 1_700_000_000_000 + monotonicMs,
  requestId: 'req-1',
});

interface NewStore {
  readonly addressing?: Addressing;
  readonly historyLimit?: number;
}

function newStore({ addressing = 'id', historyLimit = 100 }: NewStore = {}): TerritoryStore {
  const random = new SeededRandom(1);
  return new TerritoryStore({ addressing, caches, historyLimit, random, validate: () => undefined });
}

describe('the store', () => {
  let store: TerritoryStore;
  beforeEach(() => {
    store = newStore();
    store.seed([
      { territoryId: 'EMEA', id: 'T001', fields: { owner: 'A', quota: 1 } },
      { territoryId: 'EMEA', id: 'T002', fields: { owner: 'A' }, version: 41 },
    ]);
  });

  const update = (id: string, ifMatch: string, fields = { owner: 'B' }) =>
    ({ id, operation: 'update', ifMatch, fields }) as const;

  it('merges the fields of an update, keeps the others, and counts the version on', () => {
    expect(store.write(update('T001', 'W/"1"'), moment(0, 0))).toEqual({
      status: 200,
      etag: 'W/"2"',
      fields: { owner: 'B', quota: 1 },
    });
    expect(store.write(update('T002', 'W/"41"'), moment(0, 0)).etag).toBe('W/"42"');
    expect(store.find({ id: 'T001' })).toEqual({
      territoryId: 'EMEA',
      id: 'T001',
      version: 2,
      etag: 'W/"2"',
      fields: { owner: 'B', quota: 1 },
    });
  });

  it('never uses a version twice, also not over delete and create', () => {
    expect(
      store.write({ id: 'T001', operation: 'delete', ifMatch: 'W/"1"', fields: {} }, moment(0, 0)),
    ).toEqual({
      status: 204,
    });
    expect(store.find({ id: 'T001' })).toBeUndefined();
    expect(store.write({ id: 'T001', operation: 'create', fields: {} }, moment(0, 1))).toMatchObject({
      status: 201,
      etag: 'W/"3"',
      fields: {},
    });
  });

  it('refuses a write at a node that has not learned of the newest version, and only there', () => {
    store.write(update('T001', 'W/"1"'), moment(0, 0));
    expect(store.write(update('T001', 'W/"2"'), moment(1, 1999)).error?.code).toBe('STALE_NODE');
    expect(store.write(update('T001', 'W/"1"'), moment(0, 1999)).status).toBe(412);
    expect(store.write(update('T001', 'W/"2"'), moment(1, 5000)).status).toBe(200);
  });

  it('answers past the cache with the newest version at a node that is stale, which stays stale', () => {
    store.write(update('T001', 'W/"1"'), moment(0, 0));
    expect(store.read({ id: 'T001' }, 'past-cache', moment(1, 1))).toMatchObject({
      cache: 'BYPASS',
      stale: false,
      record: { etag: 'W/"2"' },
    });
    expect(store.read({ id: 'T001' }, 'cache', moment(1, 1))).toMatchObject({
      cache: 'HIT',
      stale: true,
      record: { etag: 'W/"1"', fields: { owner: 'A', quota: 1 } },
    });
  });

  it('commits nothing of a group in which one is refused, although the others report success', () => {
    const group = [update('T001', 'W/"1"'), update('T002', 'W/"1"')];
    const results = store.writeGroup(group, 'if-all-succeed', moment(0, 0));
    expect(results.map(({ status, etag }) => [status, etag])).toEqual([
      [200, 'W/"2"'],
      [412, undefined],
    ]);
    expect(store.history()).toEqual([]);
    expect(store.find({ id: 'T001' })?.etag).toBe('W/"1"');
  });

  it('judges a group in order: the second write of a record with the same ETag is refused', () => {
    const twice = [update('T001', 'W/"1"'), update('T001', 'W/"1"')];
    const results = store.writeGroup(twice, 'if-all-succeed', moment(0, 0));
    expect(results.map(({ status }) => status)).toEqual([200, 412]);
    const chained = [update('T001', 'W/"1"'), update('T001', 'W/"2"', { owner: 'C' })];
    store.writeGroup(chained, 'if-all-succeed', moment(0, 0));
    expect(store.find({ id: 'T001' })).toMatchObject({ etag: 'W/"3"', fields: { owner: 'C' } });
  });

  it('tells of every commit what was there before, what was set, and by whom', () => {
    store.write({ ...update('T001', 'W/"1"'), idempotencyKey: 'k1' }, moment(2, 5));
    store.foreignUpdate({ id: 'T001' }, { note: 'x' }, moment(1, 6));
    store.write({ id: 'T009', operation: 'create', fields: { territoryId: 'APJ' } }, moment(0, 7));
    expect(store.history()).toEqual([
      {
        seq: 1,
        at: 1_700_000_000_005,
        recordId: 'T001',
        territoryId: 'EMEA',
        by: 'client',
        operation: 'update',
        before: { owner: 'A', quota: 1 },
        fields: { owner: 'B' },
        etagBefore: 'W/"1"',
        etagAfter: 'W/"2"',
        ifMatch: 'W/"1"',
        idempotencyKey: 'k1',
        requestId: 'req-1',
        node: 2,
      },
      expect.objectContaining({
        seq: 2,
        by: 'foreign',
        before: { owner: 'B', quota: 1 },
        fields: { note: 'x' },
      }),
      expect.objectContaining({ seq: 3, territoryId: 'APJ', operation: 'create', before: undefined }),
    ]);
  });

  it('says so instead of answering when its history is incomplete', () => {
    const small = newStore({ historyLimit: 1 });
    small.seed([{ territoryId: 'E', id: 'T', fields: {} }]);
    small.foreignUpdate({ id: 'T' }, { a: 1 }, moment(0, 0));
    expect(small.history()).toHaveLength(1);
    small.foreignUpdate({ id: 'T' }, { a: 2 }, moment(0, 0));
    expect(() => small.history()).toThrow(HistoryLimitError);
  });

  it('keeps records of the same id apart where the path names the territory, and refuses them where it does not', () => {
    const both = ['EMEA', 'APJ'].map((territoryId) => ({
      territoryId,
      id: 'T1',
      fields: { in: territoryId },
    }));
    const apart = newStore({ addressing: 'territory-and-id' });
    apart.seed(both);
    expect(apart.find({ territoryId: 'APJ', id: 'T1' })?.fields).toEqual({ in: 'APJ' });
    expect(() => newStore().seed(both)).toThrow('T1');
  });

  it('holds an unbroken chain of versions for every record, whatever is written where', () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 3000 }),
      node: fc.integer({ min: 0, max: 2 }),
      id: fc.constantFrom('T001', 'T002'),
      kind: fc.constantFrom('update', 'create', 'delete', 'foreign'),
      etag: fc.constantFrom('right', 'old'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const one = newStore({ historyLimit: 1000 });
        one.seed(['T001', 'T002'].map((id) => ({ territoryId: 'E', id, fields: {} })));
        let at = 0;
        for (const { afterMs, node, id, kind, etag } of steps) {
          at += afterMs;
          const version = one.find({ id })?.version ?? 1;
          const ifMatch = `W/"${etag === 'right' ? version : version - 1}"`;
          if (kind === 'foreign') one.foreignUpdate({ id }, { at }, moment(node, at));
          else if (kind === 'create') one.write({ id, operation: kind, fields: { at } }, moment(node, at));
          else
            one.write(
              { id, operation: kind, ifMatch, fields: kind === 'update' ? { at } : {} },
              moment(node, at),
            );
        }
        const last = new Map<string, string | undefined>();
        const used = new Set<string>();
        for (const { recordId, by, operation, etagBefore, etagAfter, ifMatch } of one.history()) {
          expect(etagBefore).toBe(last.has(recordId) ? last.get(recordId) : 'W/"1"');
          if (by === 'client' && operation !== 'create') expect(ifMatch).toBe(etagBefore);
          expect(used.has(`${recordId} ${etagAfter}`)).toBe(false);
          if (etagAfter !== undefined) used.add(`${recordId} ${etagAfter}`);
          last.set(recordId, etagAfter);
        }
      }),
    );
  });
});
