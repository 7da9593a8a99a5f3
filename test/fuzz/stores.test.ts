/** What others leave in the stores: values of other programs at the keys of the locks, and rows that a newer version has written. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeHistory } from '../../srv/events/history.ts';
import { letterDetailOf } from '../../srv/journal/postgres/letter-rows.ts';
import { memoryOf, memoryText } from '../../srv/journal/postgres/memory-rows.ts';
import { messageOf } from '../../srv/journal/postgres/outbox-rows.ts';
import { trailOf } from '../../srv/journal/postgres/views.ts';
import type { RedisLocks } from '../../srv/lock/redis/index.ts';
import { claim } from '../contract/lock.contract.ts';
import { startRedis, type OwnRedis } from '../integration/redis-server.ts';
import { describeOnRedis, locksAt } from '../integration/redis-tests.ts';
import { CASES, fuzz } from './fuzz.ts';
import { wrongBytes, wrongJson } from './mutations.ts';

describeOnRedis('a lock in Redis', () => {
  const JOURNAL = 'the journal';
  const BATCH = 200;
  const FENCE = 1_000;
  let redis: OwnRedis;
  let locks: RedisLocks;

  beforeAll(async () => {
    redis = await startRedis();
    locks = locksAt(redis.credentials, { instance: '0' });
    locks.start(JOURNAL);
  });
  afterAll(async () => {
    locks?.close();
    await redis?.stop();
  });

  test('is taken over from its own journal only, whatever another program has put there', async () => {
    await expect.poll(() => locks.check().status, { timeout: 10_000, interval: 5 }).toBe('UP');
    const owned = fc.record({
      journal: fc.constantFrom(JOURNAL, 'another'),
      instance: fc.constant('1'),
      fence: fc.constantFrom(1, FENCE - 1, FENCE, FENCE + 1),
    });
    const value = fc.oneof(
      { weight: 3, arbitrary: wrongJson(owned).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: wrongBytes(owned.map((one) => Buffer.from(JSON.stringify(one)))) },
    );
    const territories = Array.from({ length: BATCH }, (_, index) => `T${index}`);
    const ours = JSON.stringify({ journal: JOURNAL, instance: '0', fence: FENCE });
    let taken = 0;
    await fuzz(
      fc.array(value, { minLength: BATCH, maxLength: BATCH, size: 'max' }),
      async (values) => {
        const keys = territories.map((id) => `territory:lock:${id}`);
        await redis.client.mset(keys.flatMap((key, index) => [key, values[index] ?? '']));
        const got = await locks.take(
          territories.map((id) => claim(id, FENCE)),
          60_000,
        );
        taken += got.size;
        const left = await redis.client.mgetBuffer(keys);
        for (const [index, id] of territories.entries()) {
          const before = values[index] ?? Buffer.alloc(0);
          if (got.has(id)) expect(before.toString()).toContain(JOURNAL);
          expect(left[index]?.toString('hex')).toBe(
            (got.has(id) ? Buffer.from(ours) : before).toString('hex'),
          );
        }
      },
      { cases: Math.ceil(CASES / BATCH) },
    );
    expect(taken).toBeGreaterThan(0);
    expect(locks.check().status).toBe('UP');
  });
});

describe('a row that a newer version has written', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant({ a: [1] }));
  /** Members that this version does not know, beside those that it does. */
  const more = fc.dictionary(
    fc.string().map((name) => `new${name}`),
    value,
    { maxKeys: 3 },
  );
  const withMore = <T extends object>(known: fc.Arbitrary<T>): fc.Arbitrary<T> =>
    fc.tuple(known, more).map(([one, others]) => ({ ...others, ...one }));
  const at = fc.integer({ min: 0, max: 4_000_000_000_000 });
  const orNull = <T>(known: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(known, { nil: null });
  const word = (...known: readonly string[]): fc.Arbitrary<string> =>
    fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: fc.string() });

  const step = withMore(
    fc.record(
      {
        at,
        step: word('received', 'sent', 'refused', 'in-doubt', 'conflict', 'replayed', 'discarded'),
        assignment: fc.string(),
        detail: fc.string(),
      },
      { requiredKeys: ['at', 'step'] },
    ),
  );
  const fields = fc.dictionary(fc.constantFrom('owner', '__proto__', 'validFrom'), value);
  const change = withMore(
    fc.record({
      source: fc.string(),
      id: fc.string(),
      territoryId: fc.string(),
      assignments: fc.array(
        withMore(
          fc.record(
            { id: fc.string(), operation: word('update', 'create', 'delete'), fields, before: fields },
            { requiredKeys: ['id', 'operation', 'fields'] },
          ),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  );
  const intent = withMore(
    fc.record({
      request: withMore(fc.record({ id: fc.string(), operation: word('update'), fields })),
      covers: fc.array(fc.record({ position: fc.nat(5), index: fc.nat(3) })),
    }),
  );
  const intents = fc.dictionary(
    fc.string(),
    intent.map((one) => JSON.stringify(one)),
    { maxKeys: 3 },
  );
  const asStored = <T>(known: fc.Arbitrary<T>): fc.Arbitrary<T> =>
    known.map((one) => JSON.parse(JSON.stringify(one)) as T);

  test('of a change shows its path, steps of words yet unknown too', () =>
    fuzz(
      asStored(
        fc.record({
          source: fc.string(),
          id: fc.string(),
          territory_id: fc.string(),
          position: fc.nat(5).map(String),
          outcome: orNull(word('applied', 'failed')),
          in_flight: fc.boolean(),
          history: fc.array(step),
          code: orNull(word('OVERLAP')),
          decision: fc.nat(5),
          ended_ms: at,
          received_ms: at,
          appended_ms: at,
          discarded_ms: orNull(at),
          published_ms: fc.array(at),
          replayed: fc.boolean(),
          intents: orNull(intents),
          intents_ms: orNull(at),
          claimed_ms: orNull(at),
        }),
      ),
      (row) => {
        const { steps } = trailOf(row);
        for (const made of steps) {
          expect(typeof made.step).toBe('string');
          expect(new Date(made.at).toISOString()).toMatch(/Z$/u);
        }
        for (const { at: known } of row.history) expect(steps.some((made) => made.at === known)).toBe(true);
      },
    ));

  test('of a dead letter is listed, shown and can be told on', () =>
    fuzz(
      asStored(
        fc.record({
          id: fc.string(),
          source: fc.string(),
          change_id: fc.string(),
          territory_id: orNull(fc.string()),
          is_open: fc.boolean(),
          run: orNull(fc.nat(5)),
          code: orNull(word('OVERLAP', 'INVALID_EVENT')),
          message: orNull(fc.string()),
          failed_ms: at,
          received_ms: at,
          decided_ms: at,
          decided_by: orNull(fc.string()),
          action: word('replay', 'discard'),
          note: orNull(fc.string()),
          attempts: fc.nat(),
          conflicts: fc.nat(),
          position: orNull(fc.nat().map(String)),
          content_type: orNull(fc.string()),
          digest: orNull(fc.string()),
          change: orNull(change),
          change_digest: fc.string(),
          envelope: orNull(withMore(fc.record({ properties: fc.dictionary(fc.string(), value) }))),
          history: fc.array(step),
          later_changes: fc.nat(),
        }),
      ),
      (row) => {
        const letter = letterDetailOf({ ...row, body: Buffer.from('{}') });
        expect(letter.history).toHaveLength(row.history.length);
        expect(Buffer.byteLength(encodeHistory(letter.history))).toBeLessThanOrEqual(8_192);
        if (letter.content.kind === 'change')
          for (const assignment of letter.content.change.assignments)
            expect(Object.getPrototypeOf(assignment.fields)).toBe(null);
      },
    ));

  test('of a lane keeps what this version does not know', () =>
    fuzz(
      asStored(
        fc.tuple(
          withMore(
            fc.record({
              prefixEnd: fc.nat(),
              unmergedUpTo: fc.nat(),
              records: fc.array(fc.tuple(fc.string(), withMore(fc.record({ conflicts: fc.nat(), intent }))), {
                maxLength: 3,
              }),
            }),
          ),
          intents,
        ),
      ),
      ([stored, sent]) => {
        const memory = memoryOf(stored, sent);
        for (const id of Object.keys(sent)) expect(memory.records.get(id)?.doubt).toBe('sent');
        const kept = JSON.parse(memoryText(memory) ?? '{}') as Record<string, unknown>;
        const { records: _, ...others } = stored;
        if (memory.records.size > 0) expect(kept).toMatchObject(others);
      },
    ));

  test('of the outbox is a message', () =>
    fuzz(
      asStored(
        fc.record({
          message_id: fc.string(),
          kind: word('success', 'failure'),
          envelope: withMore(fc.record({ to: fc.record({ kind: word('topic'), name: fc.string() }) })),
        }),
      ),
      (row) => {
        const body = Buffer.from('{}');
        const { message } = messageOf({ ...row, body });
        expect(message.body).toBe(body);
        expect(message.to).toEqual(row.envelope.to);
      },
    ));
});
