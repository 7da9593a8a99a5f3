import { expect, test } from 'vitest';
import type { ServiceProcess } from '../system/service-process.ts';
import { setField } from '../system/published-change.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(service: ServiceProcess, path: string): Promise<Answer> {
  const answer = await fetch(`${service.url}/api/v1/${path}`);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function order(service: ServiceProcess, path: string, body: object = {}): Promise<Answer> {
  const answer = await fetch(`${service.url}/api/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('a dead letter is found, understood, replayed by its id, and decided once', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  const refused = world.api.faults.inject({
    kind: 'record-status',
    status: 412,
    on: 'write',
    records: () => true,
  });
  const service = await startFastService(world);
  world.publish(change);
  await world.untilEnded(1, 20_000);
  refused.remove();

  const { items } = await untilListed(service);
  expect(items).toMatchObject([
    { changeId: change.id, reason: 'CONFLICT_LIMIT', state: 'open', attempts: 6 },
  ]);
  const path = `dead-letters/${items[0]?.id}`;
  expect((await ask(service, path)).body).toMatchObject({ payload: { id: change.id } });
  const summary = (await ask(service, 'summary')).body;
  expect(summary).toMatchObject({
    backlog: { changes: 0, deadLetters: 1 },
    conflicts: { writes: 6, conflicted: 6, rate: 1, alert: false },
    rates: { receivedPerMinute: 1, completedPerMinute: 1 },
    breaker: { state: 'closed' },
    mesh: { state: 'open', receiver: 'active' },
  });

  expect(await order(service, `${path}/replay`, { note: 'the other writer is quiet' })).toMatchObject({
    status: 202,
    body: { id: items[0]?.id, decision: 1, changeId: change.id },
  });
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready === 2, 10_000);
  expect(world.outcomes()[1]).toMatchObject({ causationid: change.id, data: { outcome: 'applied' } });
  expect(await order(service, `${path}/replay`)).toMatchObject({
    status: 409,
    body: { code: 'ALREADY_DECIDED', state: 'replayed', by: 'local' },
  });
  const told = (await ask(service, `changes/${change.id}`)).body;
  expect(told).toMatchObject({ state: 'ended', outcome: 'applied', decision: 1 });
  expect((told['steps'] as { step: string }[]).map(({ step }) => step)).toEqual(
    expect.arrayContaining(['received', 'conflict', 'dead-letter', 'replayed', 'applied']),
  );
});

test('a territory that is paused stands still while the others go on', async () => {
  const world = await fastWorld();
  ownerChanges(world, { territories: 2, assignments: 1, count: 0 });
  const service = await startFastService(world);
  expect(await order(service, 'territories/TER-0/pause')).toMatchObject({ status: 200 });
  world.publish(setField('held back', 'TER-0', 'A-0', 'owner', 'late'));
  world.publish(setField('passes', 'TER-1', 'A-1', 'owner', 'E1'));
  await world.untilEnded(1, 10_000);
  expect(world.outcomes().map(({ causationid }) => causationid)).toEqual(['passes']);
  expect((await ask(service, 'territories?state=paused')).body).toMatchObject({
    items: [{ id: 'TER-0', state: 'paused', pending: 1 }],
  });
  expect((await ask(service, 'changes/held%20back')).body).toMatchObject({ state: 'pending' });
  expect(await order(service, 'territories/TER-0/resume')).toMatchObject({ status: 200 });
  await world.untilEnded(2, 10_000);
  expect(world.api.record('TER-0', 'A-0')?.fields['owner']).toBe('late');
});

test('a service that starts paused receives and writes nothing until it is resumed', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  const service = await startFastService(world, { START_PAUSED: 'true' });
  world.publish(change);
  expect((await ask(service, 'summary')).body).toMatchObject({ paused: { intake: true, flights: true } });
  expect(world.mesh.depth(world.queues.work)).toMatchObject({ ready: 1, unsettled: 0 });
  expect(await order(service, 'processing/resume', { what: 'all' })).toMatchObject({
    status: 200,
    body: { paused: { intake: false, flights: false } },
  });
  await world.untilEnded(1, 10_000);
});

test('a deployed service shows its operations to nobody as long as nobody can be told apart, and says so', async () => {
  const world = await fastWorld();
  const service = await startFastService(world, {
    VCAP_APPLICATION: JSON.stringify({ application_name: 'sync', space_name: 'prod' }),
    BIND_HOST: '127.0.0.1',
  });
  expect(await ask(service, 'summary')).toMatchObject({ status: 404 });
  expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
  expect(service.output()).toMatch(
    /operations API \(\/api\/v1\) is not served, only \/health is: deployed without/,
  );
});

/** The dead letter comes back over the mesh before it is listed. */
async function untilListed(service: ServiceProcess) {
  return expect
    .poll(async () => (await ask(service, 'dead-letters')).body, { timeout: 10_000, interval: 20 })
    .toMatchObject({ items: [{}] })
    .then(async () => (await ask(service, 'dead-letters')).body as { items: { id: string }[] });
}
