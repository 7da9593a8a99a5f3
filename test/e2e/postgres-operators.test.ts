/** Operators of several processes on one database: whichever they ask, they see and decide the same. */
import { expect, it } from 'vitest';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { setField } from '../system/published-change.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';
import { onOneDatabase } from './one-database.ts';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(service: ServiceProcess, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`${service.url}/api/v1/${path}`, {
    ...(body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describeOnPostgres('Operators of two instances', () => {
  const { makeDatabase, start } = onOneDatabase({ ...FAST_SETTINGS, ON_DEAD_LETTER: 'hold' });
  const startTwo = async (world: World): Promise<readonly [ServiceProcess, ServiceProcess]> => {
    const database = await makeDatabase();
    const startAs = (index: number) => start(world, database, { CF_INSTANCE_INDEX: String(index) });
    const both = await Promise.all([startAs(0), startAs(1)]);
    await world.untilReceiving();
    return both;
  };

  it('see a territory held at a dead letter, decide it once, and stop and resume all flights from either', async () => {
    const world = await fastWorld();
    ownerChanges(world, { territories: 2, assignments: 1, count: 0 });
    const refused = world.api.faults.inject({
      kind: 'record-status',
      status: 412,
      on: 'write',
      records: (id) => id === 'A-0',
    });
    const [one, two] = await startTwo(world);
    world.publish(setField('fails', 'TER-0', 'A-0', 'owner', 'first'));
    world.publish(setField('behind', 'TER-0', 'A-0', 'owner', 'second'));
    world.publish(setField('elsewhere', 'TER-1', 'A-1', 'owner', 'E1'));
    await world.untilEnded(2, 30_000);
    expect((await ask(two, 'territories/TER-0')).body).toMatchObject({
      state: 'held',
      waitingFor: 'decision',
      pending: 1,
      deadLetters: 1,
    });
    refused.remove();

    const { items } = (await ask(two, 'dead-letters')).body as { items: { id: string }[] };
    expect(items).toMatchObject([{ changeId: 'fails', reason: 'CONFLICT_LIMIT', state: 'open' }]);
    const path = `dead-letters/${items[0]?.id}`;
    const answers = await Promise.all([
      ask(one, `${path}/replay`, { note: 'quiet now' }),
      ask(two, `${path}/discard`, { note: 'outdated' }),
    ]);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'ALREADY_DECIDED' });
    await world.untilEnded(3, 30_000);
    expect(world.api.record('TER-0', 'A-0')?.fields['owner']).toBe('second');

    const { body: paused } = await ask(one, 'processing/pause', { what: 'all' });
    expect(paused).toEqual({ paused: { intake: true, flights: true } });
    const pausedAt = async () => (await ask(two, 'summary')).body['paused'];
    await expect.poll(pausedAt, { timeout: 5000 }).toEqual({ intake: true, flights: true });
    expect((await ask(two, 'summary')).body).toMatchObject({ mode: 'journal', instances: 2 });
    world.publish(setField('later', 'TER-1', 'A-1', 'owner', 'E2'));
    await ask(two, 'processing/resume', { what: 'all' });
    await world.untilEnded(4, 30_000);
    const told = (await ask(one, 'changes/later')).body as { steps: { step: string }[] };
    expect(told.steps.map(({ step }) => step)).toEqual(
      expect.arrayContaining(['received', 'appended', 'claimed', 'intent', 'applied']),
    );
  });
});
