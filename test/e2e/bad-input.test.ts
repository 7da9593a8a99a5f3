/**
 * What anybody may put on the queue, between good changes of the same records: each bad message ends as a dead letter
 * with its reason and its bytes, and the good ones go through in order as if it had never been there.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldTypes } from '../sandbox/territory-api/index.ts';
import { check } from '../system/checker.ts';
import { setField, structuredEvent, type PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type OutcomeEvent, type World } from '../system/world.ts';
import { BAD, QUEUE, TERRITORY } from './bad-messages.ts';
import { FAST_SETTINGS } from './fast-world.ts';

/** Bytes that are not even a message. */
const NO_AMQP = Buffer.from('neither AMQP nor anything else');

/** Good changes, of which one goes before each bad message and one after the last. */
const GOOD: readonly PublishedChange[] = Array.from({ length: BAD.length + 1 }, (_, index) =>
  setField(`good-${index}`, TERRITORY, `A-${index % 2}`, 'owner', `E${index}`),
);
/** A good change, and its id with another payload. */
const KNOWN = setField('known', TERRITORY, 'A-2', 'owner', 'E-known');
const IMPOSTOR = setField('known', TERRITORY, 'A-2', 'owner', 'impostor');

let world: World;
let service: ServiceProcess;

beforeAll(async () => {
  world = await startWorld({
    mesh: { maxMessageSizeBytes: 8_388_608 },
    api: { caches: { minLagMs: 40, maxLagMs: 100 }, validateFields: fieldTypes({ owner: 'string' }) },
  });
  world.api.seedRecords(
    ['A-0', 'A-1', 'A-2'].map((id) => ({ territoryId: TERRITORY, id, fields: { owner: 'nobody' } })),
  );
  service = await startService(world.env(FAST_SETTINGS));
  world.publish(KNOWN);
  world.publish(IMPOSTOR);
  world.mesh.enqueue(world.queues.work, { raw: NO_AMQP });
  for (const [index, change] of GOOD.entries()) {
    world.publish(change);
    const bad = BAD[index];
    if (bad) world.mesh.enqueue(world.queues.work, bad.message);
  }
  await world.mesh.until(
    (mesh) => mesh.depth(world.queues.outcomes).ready >= GOOD.length + BAD.length + 3,
    25_000,
  );
  await world.mesh.until((mesh) => mesh.depth(world.queues.work).unsettled === 0, 5_000);
}, 40_000);

afterAll(async () => {
  await service.kill();
  await world.stop();
});

const failureOf = (source: string, id: string): readonly OutcomeEvent[] =>
  world
    .outcomes()
    .filter(
      ({ data }) => data.outcome === 'failed' && data.change.id === id && data.change.source === source,
    );

test.each(BAD)('$what ends as a dead letter with reason and original bytes, and a failure event', (bad) => {
  const events = failureOf(bad.source, bad.id);
  expect(events).toHaveLength(1);
  const { reason, deadLetterId } = events[0]?.data ?? {};
  expect(reason?.code).toBe(bad.code);
  expect(reason?.message).toMatch(bad.says);
  expect(reason?.message.length).toBeLessThanOrEqual(200);
  expect(reason?.action).not.toBe('');
  const letters = world.mesh
    .peek(world.queues.deadLetters)
    .filter(({ properties }) => properties['deadLetterId'] === deadLetterId);
  expect(letters).toHaveLength(1);
  expect(letters[0]?.body.equals(bad.body)).toBe(true);
  expect(letters[0]?.properties).toMatchObject({
    decision: 0,
    reason: bad.code,
    message: reason?.message,
    source: bad.source,
    id: bad.id,
  });
});

test('what is no AMQP message ends as a dead letter too, with its sections as they came', () => {
  const letters = world.mesh.peek(world.queues.deadLetters).filter(({ body }) => body.includes(NO_AMQP));
  expect(letters).toHaveLength(1);
  const { id, reason } = letters[0]?.properties ?? {};
  expect(reason).toBe('INVALID_EVENT');
  expect(failureOf(QUEUE, String(id))).toHaveLength(1);
});

test('a known id with another payload is a dead letter of its own, and the first change stays applied', () => {
  const told = world.outcomes().filter(({ data }) => data.change.id === IMPOSTOR.id);
  expect(told.map(({ data }) => data.outcome).toSorted()).toEqual(['applied', 'failed']);
  const failed = told.find(({ data }) => data.outcome === 'failed');
  expect(failed?.data.reason).toMatchObject({ code: 'INVALID_EVENT' });
  expect(failed?.data.reason?.message).toMatch(/another payload/);
  const letter = world.mesh
    .peek(world.queues.deadLetters)
    .find(({ properties }) => properties['deadLetterId'] === failed?.data.deadLetterId);
  expect(letter?.body.toString()).toBe(structuredEvent(IMPOSTOR));
});

test('the good changes are applied in order, and nothing of the bad ones is', () => {
  const good = world.outcomes().filter(({ data }) => data.outcome !== 'failed');
  const published = [KNOWN, ...GOOD];
  const { api } = world;
  const found = check({ published, outcomes: good, history: api.history(), records: api.records() });
  const { length } = published;
  expect(found).toMatchObject({ published: length, ended: length, lost: 0, outOfOrder: 0, blindWrites: 0 });
  const owners = world.api.history().map(({ fields: set }) => String(set['owner']));
  expect(owners.filter((owner) => !/^E(\d+|-known)$/.test(owner))).toEqual([]);
});

test('nothing is left on the queue, nothing is told twice, and the log holds no payload', () => {
  expect(world.mesh.depth(world.queues.work)).toEqual({ ready: 0, unsettled: 0 });
  expect(world.mesh.peek(world.queues.deadLetters)).toHaveLength(BAD.length + 2);
  expect(world.outcomes()).toHaveLength(GOOD.length + BAD.length + 3);
  expect(service.output()).not.toMatch(/impostor|x{100}|\[{100}/);
});
