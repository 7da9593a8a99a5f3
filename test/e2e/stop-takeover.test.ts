/** How soon others go on where a process was told to stop, measured from the signal, with flights that last for seconds. */
import { expect, it } from 'vitest';
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import { type OwnDatabase } from '../integration/postgres-server.ts';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import { setField, type PublishedChange } from '../system/published-change.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';
import { onOneDatabase } from './one-database.ts';

/** A flight reads, then writes. */
const REQUEST_MS = 1000;
const FLIGHT_MS = 2 * REQUEST_MS;
const LIMIT_MS = 1000;
const TIMES = 3;
/** Changes for as long as the test may last: a place is taken for one of them for a whole flight. */
const TERRITORIES = 60;
/** One record a flight, so that most lanes wait for a place. */
const SETTINGS = {
  ...FAST_SETTINGS,
  TERRITORY_CONCURRENCY: '4',
  BATCH_SIZE: '1',
  BATCH_SIZE_MAX: '1',
};
const LOOK_EVERY_MS = 5;

interface Takeover {
  /** From the signal until the queue was another process's, and that one had appended a change. */
  readonly receivingMs: number;
  /** From the signal until none of its lanes is its own any more. */
  readonly lanesMs: number;
  /** Lanes that were in its flights when the other one received already. */
  readonly stillFlying: number;
}

describeOnPostgres('Told to stop', () => {
  const { makeDatabase, start: startOne } = onOneDatabase(SETTINGS);

  it('a process leaves the queue to the next within a second of the signal, and each lane when its flight ends', async () => {
    const world = await fastWorld({ api: { latency: { baseMs: REQUEST_MS } } });
    const database = await makeDatabase();
    const changes = ownerChanges(world, { territories: TERRITORIES, assignments: 1, count: TERRITORIES });
    const published: PublishedChange[] = [...changes];
    let started = 0;
    const start = async () => {
      const index = started++;
      return { index, process: await startOne(world, database, { CF_INSTANCE_INDEX: String(index) }) };
    };
    let receiver = await start();
    await world.untilReceiving();
    changes.forEach((change) => world.publish(change));
    const measured: Takeover[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const next = await start();
      await world.mesh.until((mesh) => mesh.consumers(world.queues.work).standby === 1, 10_000);
      // So that most of a flight is still to come.
      await until(async () => (await lanesOf(database, receiver.index, 'claimed just now')) > 0);
      const late = setField(`late-${time}`, `TER-${time}`, `A-${time}`, 'note', `late ${time}`);
      published.push(late);
      measured.push(await takeover({ world, database }, receiver, late));
      receiver = next;
    }
    console.log(
      `Takeover after SIGTERM, ${TIMES} times, flights of ${FLIGHT_MS} ms: received elsewhere after ` +
        `${measured.map(({ receivingMs }) => receivingMs.toFixed(0)).join(', ')} ms, lanes free after ` +
        `${measured.map(({ lanesMs }) => lanesMs.toFixed(0)).join(', ')} ms`,
    );
    await world.untilEnded(published.length, 60_000);
    expect(findingsOf(world, published)).toEqual(flawless(published.length));
    // The median, since a busy machine lets single ones wait.
    expect(median(measured.map(({ receivingMs }) => receivingMs))).toBeLessThanOrEqual(LIMIT_MS);
    expect(median(measured.map(({ stillFlying }) => stillFlying))).toBeGreaterThan(0);
    expect(median(measured.map(({ lanesMs }) => lanesMs))).toBeLessThanOrEqual(FLIGHT_MS + LIMIT_MS);
  }, 150_000);
});

/** @param late published when the queue is the other one's */
async function takeover(
  { world, database }: { readonly world: World; readonly database: OwnDatabase },
  victim: { readonly index: number; readonly process: ServiceProcess },
  late: PublishedChange,
): Promise<Takeover> {
  const fromMs = systemClock.monotonicMs();
  const since = (): number => systemClock.monotonicMs() - fromMs;
  victim.process.signal('SIGTERM');
  const receive = async () => {
    await world.mesh.until((mesh) => mesh.consumers(world.queues.work).standby === 0, 60_000);
    world.publish(late);
    await until(async () => {
      const rows = await database.query(`select from changes where id = $1`, [late.id]);
      return rows.length > 0;
    });
    return { receivingMs: since(), stillFlying: await lanesOf(database, victim.index) };
  };
  const lanes = until(async () => (await lanesOf(database, victim.index)) === 0).then(since);
  const [{ receivingMs, stillFlying }, lanesMs] = await Promise.all([receive(), lanes]);
  expect(await victim.process.exited, victim.process.output()).toBe(0);
  return { receivingMs, stillFlying, lanesMs };
}

async function lanesOf(
  database: OwnDatabase,
  index: number,
  which: 'all' | 'claimed just now' = 'all',
): Promise<number> {
  const rows = await database.query(
    `select from lanes
     where split_part(owner, ' ', 2) = $1 and ($2 = 'all' or claimed_at > clock_timestamp() - interval '300 milliseconds')`,
    [String(index), which],
  );
  return rows.length;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endsAtMs = systemClock.monotonicMs() + 20_000;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > endsAtMs) throw new Error(`waited in vain for ${condition.toString()}`);
    await sleep(systemClock, LOOK_EVERY_MS);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
