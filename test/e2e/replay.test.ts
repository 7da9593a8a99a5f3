/** Dead letters and what an operator decides of them, through the real mesh and the real API. */
import { expect, test } from 'vitest';
import { setField, type PublishedChange } from '../system/published-change.ts';
import type { World } from '../system/world.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { operatorOf, type ListedLetter, type Operator } from './operator.ts';

/** Without retries a conflict is a dead letter at once. */
const SETTINGS = { RETRY_LIMIT: '0' };

async function start(world: World, settings: Readonly<Record<string, string>> = {}) {
  const service = await startFastService(world, { ...SETTINGS, ...settings });
  return { service, operator: operatorOf(service) };
}

async function record(options: Parameters<typeof fastWorld>[0] = {}): Promise<World> {
  const world = await fastWorld(options);
  world.api.seedRecords([
    { territoryId: 'NORTH', id: 'A', fields: { owner: 'nobody', role: 'none', note: '' } },
  ]);
  return world;
}

const both = (id: string, owner: string, role: string): PublishedChange => ({
  id,
  source: '/default/crm/prod',
  territoryId: 'NORTH',
  assignments: [{ id: 'A', fields: { owner, role } }],
});

/** Publishes a change that the API refuses for its version until it is a dead letter, and waits until that is listed. */
async function kill(world: World, operator: Operator, change: PublishedChange): Promise<ListedLetter> {
  const fault = world.api.faults.inject({ kind: 'record-status', status: 412, on: 'write' });
  const ended = world.outcomes().length;
  world.publish(change);
  await world.mesh.until(() => world.outcomes().length === ended + 1, 10_000);
  fault.remove();
  return listed(operator, change.id);
}

/** What is asked again until it is as expected. */
function eventually<T>(ask: () => T) {
  return expect.poll(ask, { timeout: 10_000, interval: 20 });
}

async function listed(operator: Operator, changeId: string): Promise<ListedLetter> {
  const found = async () => (await operator.letters()).find((letter) => letter.changeId === changeId);
  await eventually(found).toBeDefined();
  return (await found()) as ListedLetter;
}

const outcomesOf = (world: World, id: string) =>
  world.outcomes().filter(({ data }) => data.change.id === id) as readonly ReturnType<
    World['outcomes']
  >[number][];

const fields = (world: World) => world.api.record('NORTH', 'A')?.fields;

const depth = (world: World) => {
  const { ready, unsettled } = world.mesh.depth(world.queues.deadLetters);
  return ready + unsettled;
};

test('a replay is applied at its old place: what a later change has set stays, the rest lands, and the dead letter goes', async () => {
  const world = await record();
  const { service, operator } = await start(world);
  const letter = await kill(world, operator, both('first', 'E1', 'lead'));
  expect(letter).toMatchObject({
    state: 'open',
    reason: 'CONFLICT_LIMIT',
    territoryId: 'NORTH',
    conflicts: 1,
  });
  expect(Date.parse(letter.expiresAt ?? '') - Date.parse(letter.failedAt)).toBe(30 * 86_400_000);
  world.publish(setField('second', 'NORTH', 'A', 'owner', 'E2'));
  await world.untilEnded(2, 10_000);
  expect((await operator.get(`dead-letters/${letter.id}`)).body).toMatchObject({ laterChanges: 1 });

  const order = { note: 'writers are quiet' };
  const [failed] = outcomesOf(world, 'first');
  expect(await operator.post(`dead-letters/${letter.id}/replay`, order)).toEqual({
    status: 202,
    body: { id: letter.id, decision: 1, changeId: 'first', position: failed?.data.position },
  });
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  expect(fields(world)).toEqual({ owner: 'E2', role: 'lead', note: '' });
  const applied = outcomesOf(world, 'first')[1];
  expect(applied).toMatchObject({
    data: { outcome: 'applied', decision: 1, position: failed?.data.position },
  });
  expect(applied?.id).not.toBe(failed?.id);
  await eventually(() => depth(world)).toBe(0);

  for (const action of ['replay', 'discard']) {
    const again = await operator.post(`dead-letters/${letter.id}/${action}`, order);
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'ALREADY_DECIDED', state: 'replayed', by: 'local' },
    });
  }
  const { body: path } = await operator.get('changes/first');
  expect(path).toMatchObject({ state: 'ended', outcome: 'applied', decision: 1 });
  const steps = (path['steps'] as { step: string }[]).map(({ step }) => step);
  const told = ['received', 'appended', 'dead-letter', 'replayed', 'applied', 'published'];
  expect(steps.filter((step) => told.includes(step))).toEqual([
    'received',
    'appended',
    'dead-letter',
    'published',
    'replayed',
    'appended',
    'applied',
    'published',
  ]);
  expect(service.output()).toMatch(/Operator action: replay dead letter.*local.*writers are quiet/);
});

test('a discard is told in a second failed event, and then the dead letter goes', async () => {
  const world = await record();
  const { operator } = await start(world);
  const letter = await kill(world, operator, both('first', 'E1', 'lead'));
  const decided = await operator.post(`dead-letters/${letter.id}/discard`, { note: 'outdated' });
  expect(decided).toMatchObject({ status: 200, body: { decision: 1, changeId: 'first' } });
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  const [first, second] = outcomesOf(world, 'first');
  expect(second).toMatchObject({
    type: 'cx.territory.sync.failed.v1',
    data: {
      outcome: 'failed',
      decision: 1,
      reason: { code: 'DISCARDED' },
      deadLetterId: letter.id,
      position: first?.data.position,
      assignments: [{ id: 'A', result: 'failed' }],
    },
  });
  await eventually(() => depth(world)).toBe(0);
  expect(await operator.letters()).toEqual([]);
  expect(fields(world)).toEqual({ owner: 'nobody', role: 'none', note: '' });
});

test('a replay that fails is a new dead letter with the whole history, and its replay is a third run', async () => {
  const world = await record();
  const { operator } = await start(world);
  const letter = await kill(world, operator, both('first', 'E1', 'lead'));
  const fault = world.api.faults.inject({ kind: 'record-status', status: 412, on: 'write' });
  await operator.post(`dead-letters/${letter.id}/replay`);
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  fault.remove();
  await eventually(async () =>
    (await operator.letters()).map(({ id, state }) => [id === letter.id, state]),
  ).toEqual([[false, 'open']]);
  const second = await listed(operator, 'first');
  expect(outcomesOf(world, 'first')[1]?.data).toMatchObject({ deadLetterId: second.id, decision: 1 });
  const { body: detail } = await operator.get(`dead-letters/${second.id}`);
  expect(detail['history']).toMatchObject([{ step: 'conflict' }, { step: 'replayed' }, { step: 'conflict' }]);
  expect(detail['payload']).toMatchObject({ id: 'first' });
  const again = await operator.post(`dead-letters/${second.id}/replay`);
  expect(again).toMatchObject({ status: 202, body: { decision: 2 } });
  await eventually(() => outcomesOf(world, 'first').length).toBe(3);
  expect(fields(world)).toMatchObject({ owner: 'E1', role: 'lead' });
});

test('what cannot be read is replayed with edited assignments, after everything that was there', async () => {
  const world = await record();
  const { operator } = await start(world);
  const assignments = [{ id: 'A', fields: { owner: ['E1'] } }];
  const type = 'cx.territory.assignments.changed.v1';
  const broken = {
    specversion: '1.0',
    id: 'broken',
    source: '/crm',
    type,
    data: { territoryId: 'NORTH', assignments },
  };
  world.mesh.enqueue(world.queues.work, {
    body: Buffer.from(JSON.stringify(broken)),
    contentType: 'application/cloudevents+json',
  });
  const letter = await listed(operator, 'broken');
  expect(letter).toMatchObject({ reason: 'INVALID_EVENT', territoryId: 'NORTH' });
  world.publish(both('good', 'E2', 'lead'));
  await world.untilEnded(2, 10_000);
  const replay = (body: object) => operator.post(`dead-letters/${letter.id}/replay`, body);
  expect(await replay({})).toMatchObject({ status: 409, body: { code: 'INVALID_EVENT' } });
  const edited = { assignments: [{ id: 'A', fields: { owner: 'E1' } }] };
  expect(await replay(edited)).toMatchObject({ status: 202, body: { decision: 1 } });
  await eventually(() => outcomesOf(world, 'broken').length).toBe(2);
  expect(outcomesOf(world, 'broken')[1]?.data).toMatchObject({ outcome: 'applied', decision: 1 });
  expect(fields(world)).toMatchObject({ owner: 'E1', role: 'lead' });
  await eventually(() => depth(world)).toBe(0);
});

test('a restart keeps the dead letters; a replay of one then needs to overwrite, since what came later is not known', async () => {
  const world = await record();
  const before = await start(world);
  const letter = await kill(world, before.operator, both('first', 'E1', 'lead'));
  world.publish(setField('second', 'NORTH', 'A', 'owner', 'E2'));
  await world.untilEnded(2, 10_000);
  expect(await before.service.stop()).toBe(0);
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 1, unsettled: 0 });

  const { operator } = await start(world);
  expect(await listed(operator, 'first')).toEqual(letter);
  const replay = (body: object) => operator.post(`dead-letters/${letter.id}/replay`, body);
  expect(await replay({})).toMatchObject({ status: 409, body: { code: 'NEEDS_OVERWRITE' } });
  expect(fields(world)).toMatchObject({ owner: 'E2', role: 'none' });
  const position = outcomesOf(world, 'first')[0]?.data.position;
  expect(await replay({ overwrite: true })).toMatchObject({ status: 202, body: { decision: 1, position } });
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  expect(fields(world)).toMatchObject({ owner: 'E1', role: 'lead' });
});

test('killed while a replay is under way, the service has the dead letter again at its next start, open', async () => {
  const world = await record();
  const before = await start(world);
  const letter = await kill(world, before.operator, both('first', 'E1', 'lead'));
  await before.operator.post('processing/pause', { what: 'flights' });
  expect(await before.operator.post(`dead-letters/${letter.id}/replay`)).toMatchObject({ status: 202 });
  expect(await before.operator.letters()).toMatchObject([{ state: 'replayed' }]);
  await before.service.kill();

  const { operator } = await start(world);
  expect(await listed(operator, 'first')).toEqual(letter);
  expect(outcomesOf(world, 'first')).toHaveLength(1);
  await operator.post(`dead-letters/${letter.id}/replay`, { overwrite: true });
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  expect(fields(world)).toMatchObject({ owner: 'E1', role: 'lead' });
  await eventually(() => depth(world)).toBe(0);
});

test('a dead letter moved back by hand is its replay; once decided it is a duplicate', async () => {
  const world = await record();
  const { operator } = await start(world);
  const letter = await kill(world, operator, both('first', 'E1', 'lead'));
  const [copy] = world.mesh.peek(world.queues.deadLetters);
  if (!copy) throw new Error('no copy');
  const properties = copy.properties as Record<string, string | number>;
  const moved = { body: copy.body, contentType: copy.contentType ?? '', properties };
  world.mesh.enqueue(world.queues.work, moved);
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  expect(outcomesOf(world, 'first')[1]?.data).toMatchObject({ outcome: 'applied', decision: 1 });
  await eventually(() => depth(world)).toBe(0);
  const replayed = await operator.post(`dead-letters/${letter.id}/replay`);
  expect(replayed).toMatchObject({ status: 409, body: { code: 'ALREADY_DECIDED' } });

  world.mesh.enqueue(world.queues.work, moved);
  world.publish(setField('last', 'NORTH', 'A', 'note', 'end'));
  await eventually(() => outcomesOf(world, 'last').length).toBe(1);
  await world.mesh.until((mesh) => {
    const { ready, unsettled } = mesh.depth(world.queues.work);
    return ready + unsettled === 0;
  }, 10_000);
  expect(outcomesOf(world, 'first')).toHaveLength(2);
  expect(depth(world)).toBe(0);
});

test('a decision under way survives a lost connection, and no dead letter is lost or shown twice', async () => {
  const world = await record();
  const { operator } = await start(world);
  const first = await kill(world, operator, both('first', 'E1', 'lead'));
  const second = await kill(world, operator, both('second', 'E2', 'deputy'));
  await operator.post('processing/pause', { what: 'flights' });
  expect(await operator.post(`dead-letters/${first.id}/replay`)).toMatchObject({ status: 202 });
  world.mesh.faults.dropConnections();
  await world.untilReceiving();
  await eventually(async () => (await operator.letters()).map(({ id, state }) => [id, state])).toEqual([
    [second.id, 'open'],
    [first.id, 'replayed'],
  ]);
  expect(await operator.post(`dead-letters/${first.id}/replay`)).toMatchObject({ status: 409 });
  await operator.post('processing/resume', { what: 'flights' });
  await eventually(() => outcomesOf(world, 'first').length).toBe(2);
  await eventually(async () => (await operator.letters()).map(({ id }) => id)).toEqual([second.id]);
  await eventually(() => depth(world)).toBe(1);
});

test('a work message whose time was over is listed too, and is applied or discarded like any other', async () => {
  const world = await record({ mesh: { timeScale: 0.001 } });
  world.mesh.createQueue(world.queues.work, { maxTtl: 60 });
  world.publish(both('late', 'E1', 'lead'));
  await world.mesh.until((mesh) => mesh.depth(world.queues.deadLetters).ready === 1, 10_000);
  const { operator } = await start(world);
  const letter = await listed(operator, 'late');
  expect(letter).toMatchObject({ territoryId: 'NORTH', reason: 'INVALID_EVENT', expiresAt: null });
  const replay = (body: object) => operator.post(`dead-letters/${letter.id}/replay`, body);
  expect(await replay({})).toMatchObject({ status: 409, body: { code: 'NEEDS_OVERWRITE' } });
  expect(await replay({ overwrite: true })).toMatchObject({ status: 202 });
  await eventually(() => outcomesOf(world, 'late').length).toBe(1);
  expect(fields(world)).toMatchObject({ owner: 'E1', role: 'lead' });
  await eventually(() => depth(world)).toBe(0);
});

test('started paused, the service receives nothing, not even dead letters, until somebody resumes it', async () => {
  const world = await record();
  world.mesh.enqueue(world.queues.deadLetters, { body: Buffer.from('what another version left') });
  world.publish(both('first', 'E1', 'lead'));
  const { service, operator } = await start(world, { START_PAUSED: 'true' });
  const receiver = async () =>
    ((await (await fetch(`${service.url}/health/ready`)).json()) as Record<string, unknown>)['receiver'];
  await world.mesh.until((mesh) => mesh.consumers(world.queues.deadLetters).active === 1, 10_000);
  expect((await operator.get('summary')).body).toMatchObject({ paused: { intake: true, flights: true } });
  expect(await receiver()).toBe('paused');
  expect(world.mesh.depth(world.queues.work)).toEqual({ ready: 1, unsettled: 0 });
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 1, unsettled: 0 });

  await operator.post('processing/resume', { what: 'intake' });
  await eventually(async () => (await operator.get('territories/NORTH')).body['pending']).toBe(1);
  await eventually(async () => (await operator.letters()).length).toBe(1);
  expect(world.outcomes()).toEqual([]);
  await operator.post('processing/resume', { what: 'flights' });
  await world.untilEnded(1, 10_000);
  expect(await receiver()).toBe('active');
});

test('a paused territory waits while others go on, and goes on when it is resumed', async () => {
  const world = await record();
  world.api.seedRecords([{ territoryId: 'SOUTH', id: 'B', fields: { owner: 'nobody' } }]);
  const { operator } = await start(world);
  await operator.post('territories/NORTH/pause');
  world.publish(both('first', 'E1', 'lead'));
  world.publish(setField('other', 'SOUTH', 'B', 'owner', 'E2'));
  await world.untilEnded(1, 10_000);
  expect(world.outcomes().map(({ data }) => data.change.id)).toEqual(['other']);
  const { body } = await operator.get('territories?state=paused');
  expect(body).toMatchObject({
    items: [{ id: 'NORTH', pending: 1, waitingFor: 'operator', until: null }],
    next: null,
  });
  expect(await operator.post('territories/NORTH/resume')).toMatchObject({ status: 200 });
  expect(await operator.post('territories/NOWHERE/resume')).toMatchObject({ status: 404 });
  await world.untilEnded(2, 10_000);
  expect(fields(world)).toMatchObject({ owner: 'E1' });
});
