/**
 * Every alert of the catalogue, raised by what it is about and ended with it: mesh, territory API, Redis and PostgreSQL really fail.
 */
import { beforeAll, expect, test } from 'vitest';
import { ALERT_NAMES, ALERTS, eventTypeOf, type AlertName } from '../../srv/monitor/alerts/catalogue.ts';
import type { ReceivedEvent } from '../integration/alert-notification-server.ts';
import { describeNeeding, testNeeding } from '../integration/needing.ts';
import { wayTo, type Way } from '../integration/postgres-outage.ts';
import { newDatabase, whyNoServer, type OwnDatabase } from '../integration/postgres-server.ts';
import { startRedis, whyNoRedis, type OwnRedis } from '../integration/redis-server.ts';
import { relayTo } from '../integration/relay.ts';
import { closedAfterAll } from '../system/closing.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { withService } from '../system/provided-service.ts';
import { nextDay } from '../system/quick-time/settings.ts';
import type { World } from '../system/world.ts';
import { startStage, type Stage } from './alert-stage.ts';
import { FAST_SETTINGS } from './fast-world.ts';

const PATIENCE = { timeout: 40_000, interval: 50 };

/** What makes the alert, what ends it, and what its first event says besides its type, severity and status. */
interface Case {
  readonly raise: (stage: Stage) => unknown;
  readonly end: (stage: Stage) => unknown;
  readonly body: RegExp;
  readonly tags?: Readonly<Record<string, unknown>>;
}

const missing = whyNoRedis() ?? (await whyNoServer());
const tested = new Set<AlertName>();
const open = closedAfterAll();

/** Its cases one after the other, on one stage. */
function testAll(start: () => Promise<Stage>, cases: Partial<Record<AlertName, Case>>): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await start();
  });

  test.each(Object.keys(cases) as AlertName[])(
    '%s is raised by its cause and ended with it',
    async (name) => {
      const one = cases[name];
      if (!one) throw new Error(`no case for ${name}`);
      const eventType = eventTypeOf(name);
      const told = (): readonly ReceivedEvent[] =>
        stage.alerts.events.filter((event) => event.eventType === eventType);
      expect(told(), 'raised already').toEqual([]);
      await one.raise(stage);
      await expect.poll(() => told().length, PATIENCE).toBeGreaterThan(0);
      const [raised] = told();
      expect(raised).toMatchObject({
        severity: ALERTS[name].severity,
        category: 'ALERT',
        tags: { 'ans:status': 'CREATE_OR_UPDATE', ...one.tags },
      });
      expect(raised?.subject).toContain(ALERTS[name].title);
      expect(raised?.body).toMatch(one.body);
      expect(raised?.body).toContain(ALERTS[name].action);
      await one.end(stage);
      await expect.poll(() => told().at(-1)?.tags['ans:status'], PATIENCE).toBe('CLOSE');
      const ids = new Set(told().map(({ tags }) => tags['ans:sourceEventId']));
      expect([...ids]).toEqual([
        `territory-sync/territory-sync/local/${eventType}${name === 'LaneHeld' ? `/${raised?.tags['territoryId']}` : ''}`,
      ]);
      expect(told().filter(({ tags }) => tags['ans:status'] === 'CLOSE')).toHaveLength(1);
      expect(stage.alerts.faults).toEqual([]);
      tested.add(name);
    },
    100_000,
  );
}

/** Its access type cannot be changed. */
function remakeWorkQueue({ mesh, queues }: World, accessType: 'EXCLUSIVE' | 'NON_EXCLUSIVE'): void {
  mesh.deleteQueue(queues.work);
  mesh.createQueue(queues.work, { accessType, deadMsgQueue: queues.deadLetters });
  mesh.subscribe(queues.work, '+/+/+/ce/cx/territory/assignments/changed/v1');
}

/** Discards so many dead letters, once all of them are listed: one that came later would stay open. */
const discard =
  (count: number) =>
  async ({ operator }: Stage): Promise<void> => {
    await expect.poll(async () => (await operator.letters()).length, PATIENCE).toBe(count);
    for (const { id } of await operator.letters()) {
      const { status } = await operator.post(`dead-letters/${id}/discard`, { note: 'nobody needs it' });
      expect(status).toBe(200);
    }
  };

describeNeeding(missing, 'On the embedded journal, with Redis', () => {
  let redis: OwnRedis;
  let back: Promise<void>;
  let fault: { remove(): void };
  testAll(
    async () => {
      redis = await startRedis();
      open.push(() => redis.stop());
      return startStage(open, {}, (world) =>
        withService(world.env(), { name: 'locks', tag: 'redis', credentials: redis.credentials }),
      );
    },
    {
      ConflictRateHigh: {
        async raise({ world, change }) {
          world.api.faults.inject({
            kind: 'record-status',
            status: 412,
            on: 'write',
            records: () => true,
            times: 10,
          });
          change(60);
          await world.untilEnded(60, 30_000);
        },
        // The window is over.
        end: ({ service }) => nextDay(service),
        body: /^10 of (6\d|70) writes were refused within 300 s/,
        tags: { conflicted: '10', ratePercent: expect.stringMatching(/^1[4-6]/) },
      },
      DeadLetter: {
        raise({ change }) {
          change(2, { unknown: true });
          change(1);
        },
        end: discard(2),
        body: /^[12] dead letters are open/,
        tags: { open: expect.stringMatching(/^[12]$/), count: expect.stringMatching(/^[12]$/) },
      },
      ApiUnavailable: {
        raise({ world, change }) {
          fault = world.api.faults.inject({ kind: 'status', status: 503 });
          change(1);
        },
        end: () => fault.remove(),
        body: /503/,
        tags: { reason: 'unavailable', status: '503' },
      },
      ConfigurationSuspect: {
        raise({ world, change }) {
          fault = world.api.faults.inject({ kind: 'status', status: 403 });
          change(1);
        },
        end: () => fault.remove(),
        body: /403/,
        tags: { reason: 'forbidden', status: '403' },
      },
      LockStoreUnavailable: {
        raise: () => redis.kill(),
        end: () => redis.restart(),
        body: /Redis/,
      },
      MeshDisconnected: {
        raise: ({ world }) => void (back = world.mesh.faults.restart(6000)),
        end: () => back,
        body: /mesh|ECONNREFUSED|connect/i,
      },
      QueueNotExclusive: {
        raise: ({ world }) => remakeWorkQueue(world, 'NON_EXCLUSIVE'),
        end: ({ world }) => remakeWorkQueue(world, 'EXCLUSIVE'),
        body: /EXCLUSIVE/,
      },
      BacklogGrowing: {
        async raise({ operator, change, alerts }) {
          expect(await operator.post('processing/pause', { what: 'flights' })).toMatchObject({ status: 200 });
          const isTold = () =>
            alerts.events.some(({ eventType }) => eventType === eventTypeOf('BacklogGrowing'));
          // One and more in every minute of the service.
          await expect
            .poll(() => isTold() || (change(1), false), { timeout: 60_000, interval: 700 })
            .toBe(true);
        },
        end: ({ operator }) => operator.post('processing/resume', { what: 'flights' }),
        body: /^\d+ changes are pending, \d+ more than 5 minutes before/,
        tags: { oldestMinutes: expect.stringMatching(/^1\d$/) },
      },
      OutcomeRefused: {
        raise({ world, change }) {
          world.mesh.faults.answerPublishes({
            kind: 'rejected',
            condition: 'amqp:unauthorized-access',
          });
          change(1);
        },
        // It is over when none was refused for an hour.
        end: ({ service, alerts }) => {
          const isOver = () => alerts.events.at(-1)?.tags['ans:status'] === 'CLOSE';
          return expect
            .poll(() => isOver() || (nextDay(service), false), { ...PATIENCE, interval: 1000 })
            .toBe(true);
        },
        body: /unauthorized|not allowed|a fault on command/i,
        tags: { count: '1' },
      },
    },
  );
});

describeNeeding(missing, 'With a budget of 20 requests a day', () => {
  let sent = 0;
  const spend = async ({ world, change }: Stage, changes: number) => {
    for (let index = 0; index < changes; index += 1) {
      change(1);
      await world.untilEnded((sent += 1), 20_000);
    }
  };
  testAll(() => startStage(open, {}, (world) => world.env({ API_DAILY_BUDGET: '20' })), {
    ApiBudget: {
      // A read and a write each.
      raise: (stage) => spend(stage, 9),
      end: ({ service }) => nextDay(service),
      body: /^18 of 20 requests within 24 h/,
      tags: { used: '18', limit: '20' },
    },
    ApiQuotaExhausted: {
      raise: (stage) => spend(stage, 10),
      end: ({ service }) => nextDay(service),
      body: /^20 of API_DAILY_BUDGET 20 requests are spent/,
      tags: { used: '20', limit: '20' },
    },
  });
});

describeNeeding(missing, 'Where a message breaks each connection that delivers it', () => {
  /** A frame of AMQP with the descriptor of nothing, in front of every Transfer. */
  const NONSENSE = Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0x00, 0x53, 0xee, 0x45]);
  const TRANSFER = Buffer.from([0x00, 0x53, 0x14]);
  let isBreaking = false;
  testAll(
    () =>
      startStage(open, { mesh: { tcp: {} } }, async (world) => {
        const line = await relayTo(world.mesh.tcpPort, {
          join(near, far) {
            near.pipe(far);
            far.on('data', (bytes) => {
              const isStruck = isBreaking && bytes.includes(TRANSFER);
              near.write(isStruck ? Buffer.concat([NONSENSE, bytes]) : bytes);
            });
          },
        });
        open.push(() => line.close());
        const credentials = {
          uri: `amqp://guest:guest@127.0.0.1:${line.port}`,
          dialect: 'event-mesh',
          namespace: world.mesh.namespace,
        };
        return withService(
          { ...world.env(), VCAP_SERVICES: '{}' },
          { name: 'broker', tag: 'mesh', credentials },
        );
      }),
    {
      MessageUnreadable: {
        raise({ change }) {
          isBreaking = true;
          change(1);
        },
        end: () => (isBreaking = false),
        body: /at the head of one of the queues \S+changes, \S+deadletter is the cause: remove it/,
        tags: { times: expect.stringMatching(/^\d+$/) },
      },
    },
  );
});

describeNeeding(missing, 'On PostgreSQL, where a territory stops at a dead letter', () => {
  let way: Way;
  testAll(
    () =>
      startStage(open, {}, async (world) => {
        const database = await newDatabase();
        open.push(() => database.drop());
        way = await wayTo(database.credentials.uri);
        open.push(() => way.stop());
        // Lanes wait by the time of the database, which is ours.
        return withPostgres(world.env({ ...FAST_SETTINGS, ON_DEAD_LETTER: 'hold' }), way.credentials);
      }),
    {
      JournalUnavailable: {
        raise: () => way.close(),
        end: () => way.open(),
        body: /ECONN|database|connect/i,
      },
      LaneHeld: {
        // Nothing waits behind it.
        raise({ change }) {
          change(1, { unknown: true });
          change(2);
        },
        end: discard(1),
        body: /^1 territories are held at a dead letter/,
        tags: { held: '1', territoryId: 'TER-1' },
      },
    },
  );
});

describeNeeding(missing, 'On PostgreSQL, where dead letters are kept for five days', () => {
  let database: OwnDatabase;
  testAll(
    () =>
      startStage(open, {}, async (world) => {
        database = await newDatabase();
        open.push(() => database.drop());
        const settings = {
          ...FAST_SETTINGS,
          DEAD_LETTER_RETENTION_DAYS: '5',
          HISTORY_RETENTION_DAYS: '1',
          PAYLOAD_RETENTION_DAYS: '1',
        };
        return withPostgres(world.env(settings), database.credentials);
      }),
    {
      DeadLetterExpiring: {
        async raise({ change, operator }) {
          change(1, { unknown: true });
          change(2);
          await expect.poll(async () => (await operator.letters()).length, PATIENCE).toBe(1);
          // They are looked for by the minutes of the database.
          await database.query('update turns set due_at = now()');
        },
        end: discard(1),
        body: /^1 expire within 7 days/,
        tags: { count: '1' },
      },
    },
  );
});

testNeeding(missing, 'no alert of the catalogue is left out', async () => {
  expect([...tested].toSorted()).toEqual(ALERT_NAMES.toSorted());
});
