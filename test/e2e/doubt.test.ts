/**
 * A write whose answer never came, or does not mention its record: it may have been done or not. It is repeated exactly
 * as it was, and whichever it was has one effect; also with an API that keeps no idempotency keys, where only the ETag
 * tells.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommittedWrite, Fault, LoggedRequest } from '../sandbox/territory-api/index.ts';
import { check, isFlawless } from '../system/checker.ts';
import type { PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type OutcomeEvent, type World } from '../system/world.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';
import { HUNDREDTH } from './unharmed.ts';

/** How an answer is lost, and whether the write was done. */
const LOSSES: Readonly<Record<string, Fault>> = {
  'the connection breaks after the write': { kind: 'no-answer', how: 'destroy', effect: 'written' },
  'the connection breaks before the write': { kind: 'no-answer', how: 'destroy', effect: 'not-written' },
  'no answer comes, the write was done': { kind: 'no-answer', how: 'silence', effect: 'written' },
  'no answer comes, the write was not done': { kind: 'no-answer', how: 'silence', effect: 'not-written' },
  'half an answer comes': { kind: 'truncated' },
  '502 after the write': { kind: 'status', status: 502, effect: 'written' },
  'the record is missing in the answer': { kind: 'record-missing' },
  'the record is missing in the answer, and was not written': {
    kind: 'record-missing',
    effect: 'not-written',
  },
  '500 for the record, which was written': { kind: 'record-status', status: 500, effect: 'written' },
};
const OPERATIONS = { update: 'updated', create: 'created', delete: 'deleted' } as const;
type Operation = keyof typeof OPERATIONS;

interface Case {
  readonly loss: string;
  readonly operation: Operation;
}
const CASES: readonly Case[] = Object.keys(LOSSES).flatMap((loss) =>
  (Object.keys(OPERATIONS) as Operation[]).map((operation) => ({ loss, operation })),
);

const nameOf = ({ loss, operation }: Case) => `${operation}: ${loss}`;
const wasDone = ({ loss }: Case) => {
  const { kind, effect } = LOSSES[loss] as { kind: Fault['kind']; effect?: 'written' | 'not-written' };
  return (
    (effect ?? (kind === 'truncated' || kind === 'record-missing' ? 'written' : 'not-written')) === 'written'
  );
};

/** The change of a record of its own, in a territory of its own; the answer to its first write is lost. */
function publishCase(world: World, one: Case): void {
  const id = nameOf(one);
  const { operation } = one;
  if (operation !== 'create') world.api.seedRecords([{ territoryId: id, id, fields: { owner: 'nobody' } }]);
  const fault = LOSSES[one.loss];
  if (!fault) throw new Error(`no such loss: ${one.loss}`);
  world.api.faults.inject({ ...fault, on: 'write', records: (record) => record === id, times: 1 });
  const fields = operation === 'delete' ? {} : { fields: { owner: 'new' } };
  world.publish({
    id,
    source: '/default/crm/prod',
    territoryId: id,
    assignments: [{ id, operation, ...fields }],
  });
}

describe.each([
  { protocol: 'rest', idempotency: 'per-record' },
  { protocol: 'rest', idempotency: 'off' },
  { protocol: 'odata-v4', idempotency: 'per-record' },
  { protocol: 'odata-v4', idempotency: 'off' },
  { protocol: 'sales-cloud', idempotency: 'off' },
] as const)('over $protocol, idempotency keys $idempotency', ({ protocol, idempotency }) => {
  let world: World;
  let service: ServiceProcess;
  let commits: Map<string, CommittedWrite[]>;
  let sends: Map<string, LoggedRequest[]>;
  let told: Map<string, OutcomeEvent['data']>;

  beforeAll(async () => {
    world = await startWorld({ api: { ...HUNDREDTH.api, idempotency } });
    service = await startService(
      world.env({
        ...HUNDREDTH.settings,
        TERRITORY_PROTOCOL: protocol,
        TERRITORY_TIMEOUT_MS: '300',
        // One record in a request, so that the log of requests tells of each by itself.
        BATCH_SIZE: '1',
      }),
    );
    for (const one of CASES) publishCase(world, one);
    await world.untilEnded(CASES.length, 25_000);
    commits = Map.groupBy(world.api.history(), ({ recordId }) => recordId);
    const writes = world.api.requests().filter(({ method }) => method !== 'GET');
    sends = Map.groupBy(writes, ({ recordIds }) => recordIds.join());
    told = new Map(world.outcomes().map(({ data }) => [data.change.id, data]));
  }, 40_000);

  afterAll(async () => {
    await service.kill();
    await world.stop();
  });

  test.each(CASES)('$operation, $loss: repeated exactly, one effect', (one) => {
    const id = nameOf(one);
    expect(commits.get(id)?.map(({ operation }) => operation)).toEqual([one.operation]);
    expect(world.api.record(id, id)?.fields['owner']).toBe(one.operation === 'delete' ? undefined : 'new');
    const [first, second] = sends.get(id) ?? [];
    expect(second).toBeDefined();
    expect(exactly(second)).toEqual(exactly(first));
    const { outcome, assignments } = told.get(id) ?? {};
    expect(outcome).toBe('applied');
    // Without keys the refused repetition of a create is followed by a look: the record is as wanted.
    const unproven = one.operation === 'create' && idempotency === 'off' && wasDone(one);
    expect(assignments?.map(({ result }) => result)).toEqual([
      unproven ? 'updated' : OPERATIONS[one.operation],
    ]);
  });

  test('the API recognizes every repetition of what was done, and never sees a key on another request', () => {
    const { replays, keyReused422, stillRunning409 } = world.api.stats();
    const done = CASES.filter(wasDone).length;
    expect(replays).toBe(idempotency === 'off' ? 0 : done);
    expect({ keyReused422, stillRunning409 }).toEqual({ keyReused422: 0, stillRunning409: 0 });
    expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });
  });
});

/** What makes a request the same; its body shows by its length, and by the key that the API compares it with. */
function exactly(request: LoggedRequest | undefined): object {
  const { method, url, recordIds, headers } = request ?? {};
  const { 'idempotency-key': key, 'if-match': ifMatch, 'content-length': length } = headers ?? {};
  return { method, url, recordIds, key, ifMatch, length };
}

test.each([
  ['rest', 'per-record'],
  ['rest', 'off'],
  ['sales-cloud', 'off'],
] as const)(
  'answers lost by chance, among other writers, lose no change and repeat none (%s, idempotency keys %s)',
  async (protocol, idempotency) => {
    const world = await fastWorld({ api: { ...HUNDREDTH.api, idempotency } });
    await startFastService(world, {
      ...HUNDREDTH.settings,
      TERRITORY_PROTOCOL: protocol,
      TERRITORY_TIMEOUT_MS: '300',
    });
    const changes = ownerChanges(world, { territories: 10, assignments: 3, count: 300 });
    // A request of one record is struck as often as one of many, and there are many more of them.
    const chance = protocol === 'sales-cloud' ? 0.01 : 0.02;
    for (const fault of Object.values(LOSSES)) world.api.faults.inject({ ...fault, on: 'write', chance });
    const writers = world.api.startForeignWriters({ everyMs: 20, fields: ['note'] });
    // In waves, so that few updates of a record are merged into one.
    for (let sent = 0; sent < changes.length; sent += 30) {
      changes.slice(sent, sent + 30).forEach((change) => world.publish(change));
      await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= sent, 20_000);
    }
    await world.untilEnded(changes.length, 30_000);
    writers.stop();
    const { api } = world;
    const found = check({
      published: changes,
      outcomes: world.outcomes(),
      history: api.history(),
      records: api.records(),
    });
    expect(isFlawless(found), JSON.stringify(found)).toBe(true);
    const owners = api.history().flatMap(({ by, fields }) => (by === 'client' ? [fields['owner']] : []));
    expect(owners).toHaveLength(new Set(owners).size);
    expect(api.stats().faults).toBeGreaterThan(10);
    expect(writers.writes).toBeGreaterThan(10);
  },
  60_000,
);

test('a create that arrives long after it was given up does not bring back what was deleted since', async () => {
  const world = await fastWorld({ api: { ...HUNDREDTH.api, idempotency: 'off' } });
  // The API gets to the first create when its repetition is done, and the delete would be.
  const late = world.api.faults.inject({ kind: 'slow', delayMs: 900, on: 'write', times: 1 });
  await startFastService(world, { ...HUNDREDTH.settings, TERRITORY_TIMEOUT_MS: '200', LEASE_TTL_S: '1' });
  const change = (id: string, assignment: PublishedChange['assignments'][number]): PublishedChange => ({
    id,
    source: '/default/crm/prod',
    territoryId: 'TER-0',
    assignments: [assignment],
  });
  world.publish(change('create', { id: 'A-0', operation: 'create', fields: { owner: 'new' } }));
  await expect.poll(() => late.hits).toBe(1);
  world.publish(change('delete', { id: 'A-0', operation: 'delete' }));
  await world.untilEnded(2, 10_000);
  // The late one was answered, whatever with.
  const creates = () => world.api.requests().filter(({ method }) => method === 'PATCH');
  await expect.poll(() => creates().filter(({ ms }) => ms >= 900).length, { timeout: 5_000 }).toBe(1);
  expect(world.api.records()).toEqual([]);
  expect(world.api.history().map(({ operation }) => operation)).toEqual(['create', 'delete']);
  expect(world.outcomes().map(({ data }) => data.outcome)).toEqual(['applied', 'applied']);
});
