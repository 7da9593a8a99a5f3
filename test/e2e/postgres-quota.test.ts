/** A daily budget and a quota pause hold over all processes on a database, and over their restarts. */
import { expect, it } from 'vitest';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import { order, summaryOf } from './asked.ts';
import { fastWorld } from './fast-world.ts';
import { onOneDatabase } from './one-database.ts';
import { expectUnharmed, HUNDREDTH, publishChanges } from './unharmed.ts';

describeOnPostgres('The quota of processes on one database', () => {
  const { makeDatabase, start } = onOneDatabase(HUNDREDTH.settings);

  it('is spent once: a process that starts when it is used up sends nothing, and shows what the others used', async () => {
    const BUDGET = 20;
    const settings = { BATCH_SIZE: '5', API_DAILY_BUDGET: String(BUDGET) };
    const world = await fastWorld({ api: HUNDREDTH.api });
    const database = await makeDatabase();
    const first = await start(world, database, settings);
    const changes = publishChanges(world, 'change', 200);
    const used = async (service: ServiceProcess) => (await summaryOf(service)).quota;
    await expect
      .poll(() => used(first), { timeout: 10_000 })
      .toMatchObject({ limit: BUDGET, freesAt: expect.any(String) });
    expect(await first.stop(), first.output()).toBe(0);
    const { requests } = world.api.stats();
    expect(requests).toBeLessThanOrEqual(BUDGET + 2 * HUNDREDTH.flights);
    const second = await start(world, database, settings);
    await world.untilReceiving();
    await expect.poll(async () => (await used(second)).used, { timeout: 10_000 }).toBe(requests);
    expect(world.api.stats().requests).toBe(requests);
    const free = await start(world, database);
    await world.untilEnded(changes.length, 20_000);
    expectUnharmed(world, changes);
    expect(await used(free)).toMatchObject({ limit: null, used: world.api.stats().requests });
  }, 120_000);

  it('is awaited after a restart as well, until an operator says that the API may be asked again', async () => {
    const world = await fastWorld({ api: HUNDREDTH.api });
    const database = await makeDatabase();
    const first = await start(world, database);
    await world.untilReceiving();
    const exhausted = world.api.faults.inject({ kind: 'status', status: 429, retryAfter: 7200 });
    const changes = publishChanges(world, 'change', 40);
    const state = async (service: ServiceProcess) => (await summaryOf(service)).breaker.state;
    await expect.poll(() => state(first), { timeout: 10_000 }).toBe('quota');
    await expect.poll(() => database.query('select 1 from api_pause'), { timeout: 10_000 }).toHaveLength(1);
    expect(await first.stop(), first.output()).toBe(0);
    exhausted.remove();
    const { requests } = world.api.stats();
    const second = await start(world, database);
    await world.untilReceiving();
    await expect.poll(() => state(second), { timeout: 10_000 }).toBe('quota');
    expect(world.api.stats().requests).toBe(requests);
    await order(second, 'resume', 'flights');
    await world.untilEnded(changes.length, 20_000);
    expectUnharmed(world, changes);
  }, 120_000);
});
