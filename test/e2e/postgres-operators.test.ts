/** Operators of several processes on one database: whichever they ask, they see and decide the same. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase, whyNoServer } from '../integration/postgres-server.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { setField } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';

const missing = await whyNoServer();
if (missing !== undefined) console.log(`Skipped: operators of several instances, since ${missing}`);

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

describe(
  'Operators of two instances',
  { skip: missing !== undefined && process.env['CI'] !== 'true' },
  () => {
    beforeAll(() => {
      if (missing !== undefined) throw new Error(`CI needs a PostgreSQL, but ${missing}`);
    });

    const open: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const close of open.splice(0).toReversed()) await close();
    });

    const startTwo = async (world: World): Promise<readonly [ServiceProcess, ServiceProcess]> => {
      const database = await newDatabase();
      open.push(() => database.drop());
      const settings = { ...FAST_SETTINGS, ON_DEAD_LETTER: 'hold' };
      const start = async (index: number): Promise<ServiceProcess> => {
        const env = withPostgres(world.env(settings), database.credentials);
        const service = await startService({ ...env, CF_INSTANCE_INDEX: String(index) });
        open.push(() => service.kill());
        return service;
      };
      const both = await Promise.all([start(0), start(1)]);
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
  },
);
