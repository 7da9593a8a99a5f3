/**
 * Every metric of the catalogue, moved by what it is about and compared with what the mesh, the territory API and Redis saw of it. One
 * service lives through it all; what it shows is kept after each chapter.
 */
import { beforeAll, expect, test, vi } from 'vitest';
import { METRICS, type MetricName } from '../../srv/monitor/metrics/catalogue.ts';
import { startRedis, type OwnRedis } from '../integration/redis-server.ts';
import { describeOnRedis } from '../integration/redis-tests.ts';
import { closedAfterAll } from '../system/closing.ts';
import { series } from '../system/prometheus.ts';
import { withService } from '../system/provided-service.ts';
import { setField } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World } from '../system/world.ts';
import { FAST_SETTINGS, ownerChanges } from './fast-world.ts';
import { operatorOf } from './operator.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const BUDGET = 1000;
const LOCKED_MS = 400;

type Shown = Readonly<Record<string, number>>;

/** What the metrics show, and what happened around the service until then. */
interface Chapter {
  readonly shown: Shown;
  readonly requests: ReturnType<World['api']['requests']>;
  readonly outcomes: ReturnType<World['outcomes']>;
}

interface Story {
  /** Twenty changes, of which one was refused, one had a conflict, and one came twice. */
  readonly worked: Chapter;
  /** Another program held a territory's lock. */
  readonly locked: Chapter;
  /** The API refused a request as too large. */
  readonly tooLarge: Chapter;
  /** The mesh confirms nothing, of one outcome. */
  readonly unsent: Chapter;
  /** The API fails, and three changes wait. */
  readonly outage: Chapter;
}

const open = closedAfterAll();
let story: Story;

async function scrape(service: ServiceProcess): Promise<Shown> {
  return series(await (await fetch(`${service.url}/metrics`)).text());
}

async function live(): Promise<Story> {
  const redis: OwnRedis = await startRedis();
  open.push(() => redis.stop());
  const world = await startWorld({ api: { caches: { minLagMs: 40, maxLagMs: 100 } } });
  open.push(() => world.stop());
  // Under review every write is preceded by a read. What the breaker has found stays as it is.
  const settings = {
    ...FAST_SETTINGS,
    API_DAILY_BUDGET: String(BUDGET),
    API_PROBE_INTERVAL_MS: '60000',
    ON_OVERLAP: 'review',
  };
  const locks = { name: 'locks', tag: 'redis', credentials: redis.credentials };
  const service = await startService(withService(world.env(settings), locks));
  open.push(() => service.kill());
  await world.untilReceiving();
  const operator = operatorOf(service);
  const chapter = async (): Promise<Chapter> => ({
    shown: await scrape(service),
    requests: world.api.requests(),
    outcomes: world.outcomes(),
  });
  const untilShown = (name: string, value: number) =>
    vi.waitFor(async () => expect((await scrape(service))[name]).toBe(value), PATIENCE);
  const ownRecords = (name: string, count: number) => {
    const changes = Array.from({ length: count }, (_, index) =>
      setField(`${name}-${index}`, `TER-${name}-${index}`, `A-${name}-${index}`, 'owner', 'E1'),
    );
    world.api.seedRecords(
      changes.map(({ territoryId, assignments }) => ({
        territoryId,
        id: assignments[0]?.id ?? '',
        fields: { owner: 'nobody' },
      })),
    );
    return changes;
  };
  const publish = (changes: ReturnType<typeof ownRecords>) =>
    changes.forEach((change) => world.publish(change));

  const changes = ownerChanges(world, { territories: 4, assignments: 2, count: 20 });
  const { faults } = world.api;
  faults.inject({ kind: 'record-status', status: 412, on: 'write', records: () => true, times: 1 });
  faults.inject({ kind: 'record-status', status: 422, on: 'write', records: (id) => id === 'A-7' });
  publish(changes.slice(0, 10));
  await world.untilEnded(10, 20_000);
  publish([...changes.slice(10), ...changes.slice(0, 1)]);
  await world.untilEnded(20, 20_000);
  await untilShown('territory_sync_outbox_unsent', 0);
  await untilShown('territory_sync_dead_letters', failedAmong(world.outcomes()));
  const worked = await chapter();

  const [held] = ownRecords('locked', 1);
  if (held) {
    await redis.client.set(`territory:lock:${held.territoryId}`, 'another program', 'PX', LOCKED_MS, 'NX');
    publish([held]);
  }
  await world.untilEnded(21, 20_000);
  const locked = await chapter();

  expect(await operator.post('processing/pause', { what: 'flights' })).toMatchObject({ status: 200 });
  faults.inject({ kind: 'status', status: 413, on: 'write', times: 1 });
  publish(ownRecords('large', 6));
  await untilShown('territory_sync_backlog_changes', 6);
  await operator.post('processing/resume', { what: 'flights' });
  await world.untilEnded(27, 20_000);
  const tooLarge = await chapter();

  world.mesh.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 'until-cleared');
  publish(ownRecords('unsent', 1));
  await untilShown('territory_sync_outbox_unsent', 1);
  const unsent = await chapter();
  world.mesh.faults.clearFaults();

  faults.inject({ kind: 'status', status: 503 });
  publish(ownRecords('waiting', 3));
  await untilShown('territory_sync_breaker_state', 2);
  await untilShown('territory_sync_backlog_changes', 3);
  return { worked, locked, tooLarge, unsent, outage: await chapter() };
}

function failedAmong(outcomes: Chapter['outcomes']): number {
  return outcomes.filter(({ data }) => data.outcome === 'failed').length;
}

/** The values of that metric by one label; of a histogram the counts. */
function by(shown: Shown, name: string, label: string): Record<string, number> {
  const found = Object.entries(shown).filter(([key]) => key.startsWith(`${name}{`));
  return Object.fromEntries(
    found.map(([key, value]) => [new RegExp(`${label}="([^"]*)"`).exec(key)?.[1] ?? '', value]),
  );
}

function sum(shown: Shown, name: string): number {
  const found = Object.entries(shown).filter(([key]) => key === name || key.startsWith(`${name}{`));
  return found.reduce((total, [, value]) => total + value, 0);
}

function counted(values: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) if (value !== undefined) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Records in the writes that were sent. */
function written({ requests }: Chapter): number {
  return requests.reduce((total, { method, records }) => total + (method === 'PATCH' ? records : 0), 0);
}

/** Outcomes and the copies of dead letters. */
function published({ outcomes }: Chapter): number {
  return outcomes.length + failedAmong(outcomes);
}

const CASES: Readonly<Record<MetricName, (story: Story) => void>> = {
  territory_sync_changes_received_total({ worked, locked, tooLarge }) {
    const received = [worked, locked, tooLarge].map((one) =>
      sum(one.shown, 'territory_sync_changes_received_total'),
    );
    expect(received).toEqual([20, 21, 27]);
  },
  territory_sync_changes_completed_total({ tooLarge: { shown, outcomes } }) {
    expect(failedAmong(outcomes)).toBeGreaterThan(0);
    expect(by(shown, 'territory_sync_changes_completed_total', 'outcome')).toEqual(
      counted(outcomes.map(({ data }) => data.outcome)),
    );
  },
  territory_sync_writes_total({ worked }) {
    const results = by(worked.shown, 'territory_sync_writes_total', 'result');
    expect(results).toMatchObject({ conflict: 1, refused: expect.any(Number) });
    expect(sum(worked.shown, 'territory_sync_writes_total')).toBe(written(worked));
  },
  territory_sync_conflicts_total({ worked }) {
    expect(sum(worked.shown, 'territory_sync_conflicts_total')).toBe(1);
  },
  territory_sync_conflict_rate({ worked }) {
    expect(worked.shown['territory_sync_conflict_rate']).toBeCloseTo(1 / written(worked), 5);
  },
  territory_sync_backlog_changes({ worked, outage }) {
    expect(worked.shown['territory_sync_backlog_changes']).toBe(0);
    expect(outage.shown['territory_sync_backlog_changes']).toBe(3);
  },
  territory_sync_lanes({ worked, outage }) {
    expect(sum(worked.shown, 'territory_sync_lanes')).toBe(0);
    const states = by(outage.shown, 'territory_sync_lanes', 'state');
    expect(Object.keys(states).toSorted()).toEqual(
      ['ready', 'in-flight', 'retrying', 'resting', 'locked', 'held', 'paused'].toSorted(),
    );
    expect(sum(outage.shown, 'territory_sync_lanes')).toBe(3);
  },
  territory_sync_dead_letters({ worked }) {
    expect(worked.shown['territory_sync_dead_letters']).toBe(failedAmong(worked.outcomes));
  },
  territory_sync_batch_size({ worked, tooLarge }) {
    expect(worked.shown['territory_sync_batch_size']).toBe(50);
    // Half of the six that were too many, but five at least.
    expect(tooLarge.shown['territory_sync_batch_size']).toBe(5);
  },
  territory_sync_flight_duration_seconds({ worked, locked }) {
    const flights = [worked, locked].map(
      ({ shown }) => shown['territory_sync_flight_duration_seconds_count'],
    );
    expect(flights[0]).toBeGreaterThanOrEqual(2);
    // At least one found the territory locked, and one had it.
    expect(flights[1]).toBeGreaterThanOrEqual((flights[0] ?? 0) + 2);
    expect(worked.shown['territory_sync_flight_duration_seconds_sum']).toBeGreaterThan(0);
  },
  territory_sync_change_duration_seconds({ worked, locked }) {
    const of = ({ shown }: Chapter, what: string) =>
      shown[`territory_sync_change_duration_seconds_${what}`] ?? 0;
    expect([of(worked, 'count'), of(locked, 'count')]).toEqual([20, 21]);
    // The locked one took that long.
    expect(of(locked, 'sum') - of(worked, 'sum')).toBeGreaterThan(LOCKED_MS / 2 / 1000);
  },
  territory_sync_api_requests_total({ tooLarge: { shown, requests } }) {
    expect(by(shown, 'territory_sync_api_requests_total', 'status')).toEqual(
      counted(requests.map(({ status }) => String(status))),
    );
  },
  territory_sync_lock_wait_seconds({ worked, locked }) {
    const of = ({ shown }: Chapter, what: string) => shown[`territory_sync_lock_wait_seconds_${what}`] ?? 0;
    expect(of(worked, 'count')).toBeGreaterThan(0);
    expect(of(locked, 'count')).toBe(of(worked, 'count') + 1);
    const waited = of(locked, 'sum') - of(worked, 'sum');
    expect(waited).toBeGreaterThan(LOCKED_MS / 2 / 1000);
    expect(waited).toBeLessThan(10);
  },
  territory_sync_outbox_unsent({ worked, unsent }) {
    expect(worked.shown['territory_sync_outbox_unsent']).toBe(0);
    expect(unsent.shown['territory_sync_outbox_unsent']).toBe(1);
  },
  territory_sync_breaker_state({ worked, outage }) {
    expect(worked.shown['territory_sync_breaker_state']).toBe(0);
    expect(outage.shown['territory_sync_breaker_state']).toBe(2);
  },
  territory_sync_propagation_seconds({ worked }) {
    expect(worked.shown['territory_sync_propagation_seconds_count']).toBeGreaterThan(0);
    const { shown } = worked;
    const mean =
      (shown['territory_sync_propagation_seconds_sum'] ?? 0) /
      (shown['territory_sync_propagation_seconds_count'] ?? 1);
    expect(mean).toBeGreaterThan(0.02);
    expect(mean).toBeLessThan(5);
  },
  territory_sync_cache_status_total({ tooLarge: { shown, requests } }) {
    expect(by(shown, 'territory_sync_cache_status_total', 'value')).toEqual(
      counted(requests.map(({ cacheStatus }) => cacheStatus)),
    );
  },
  territory_sync_api_budget_used_ratio({ worked, locked }) {
    for (const { shown, requests } of [worked, locked])
      expect(shown['territory_sync_api_budget_used_ratio']).toBeCloseTo(requests.length / BUDGET, 5);
  },
  'messaging.client.consumed.messages'({ worked, locked }) {
    // One of them came twice.
    const consumed = [worked, locked].map(({ shown }) =>
      sum(shown, 'messaging_client_consumed_messages_total'),
    );
    expect(consumed).toEqual([21, 22]);
  },
  'messaging.client.sent.messages'({ worked, locked }) {
    for (const one of [worked, locked])
      expect(sum(one.shown, 'messaging_client_sent_messages_total')).toBe(published(one));
  },
  'messaging.client.operation.duration'({ worked }) {
    expect(sum(worked.shown, 'messaging_client_operation_duration_count')).toBe(published(worked));
    expect(sum(worked.shown, 'messaging_client_operation_duration_sum')).toBeGreaterThan(0);
  },
  'messaging.process.duration'({ worked }) {
    expect(sum(worked.shown, 'messaging_process_duration_count')).toBe(21);
    expect(sum(worked.shown, 'messaging_process_duration_sum')).toBeGreaterThan(0);
  },
};

describeOnRedis('Of the metrics', () => {
  beforeAll(async () => {
    story = await live();
  }, 60_000);

  test.each(Object.keys(METRICS) as MetricName[])('%s shows what happened', (name) => CASES[name](story));
});
