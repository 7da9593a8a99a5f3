/** SAP counts calls per day. An exhausted quota, the API's or our own budget, is a pause with a line, and loses nothing. */
import { expect, test } from 'vitest';
import type { World } from '../system/world.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { expectUnharmed, HUNDREDTH, lasting, publishChanges } from './unharmed.ts';

const { api: API, settings: SETTINGS, probeIntervalMs, flights } = HUNDREDTH;

/** When the flights under way have ended: no request for many times the interval in which an API in trouble is probed. */
async function expectPause(world: World): Promise<number> {
  let seen = 0;
  const isQuiet = () => seen === (seen = world.api.stats().requests);
  await expect.poll(isQuiet, { interval: 2 * probeIntervalMs, timeout: 5_000 }).toBe(true);
  const before = seen;
  await lasting(10 * probeIntervalMs);
  expect(world.api.stats().requests).toBe(before);
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });
  return before;
}

test.each([
  ['rest', 1],
  ['sales-cloud', 2],
] as const)(
  'a Retry-After of hours is a pause with a line over %s; what waits is applied by whoever starts after it',
  async (protocol, requestsPerFlight) => {
    const world = await fastWorld({ api: API });
    const settings = { ...SETTINGS, TERRITORY_PROTOCOL: protocol };
    const service = await startFastService(world, settings);
    const quota = world.api.faults.inject({ kind: 'status', status: 429, retryAfter: 7_200 });
    const changes = publishChanges(world, 'change', 100);
    await expect.poll(() => service.output(), { timeout: 5_000 }).toMatch(/ERROR.*quota/i);
    expect(await expectPause(world)).toBeLessThanOrEqual(flights * requestsPerFlight);
    expect(await service.stop(), service.output()).toBe(0);
    quota.remove();
    await startFastService(world, settings);
    await world.untilEnded(changes.length, 10_000);
    expectUnharmed(world, changes);
  },
  60_000,
);

test('no more is asked than API_DAILY_BUDGET allows; a line says when it is nearly used, and what waits is not lost', async () => {
  const BUDGET = 20;
  const world = await fastWorld({ api: API });
  const service = await startFastService(world, {
    ...SETTINGS,
    BATCH_SIZE: '5',
    API_DAILY_BUDGET: String(BUDGET),
  });
  const changes = publishChanges(world, 'change', 200);
  await expect.poll(() => world.api.stats().requests, { timeout: 5_000 }).toBeGreaterThanOrEqual(BUDGET);
  await expect.poll(() => service.output(), { timeout: 5_000 }).toMatch(/WARN.*API_DAILY_BUDGET/);
  expect(await expectPause(world)).toBeLessThanOrEqual(BUDGET + 2 * flights);
  expect(world.outcomes().length).toBeGreaterThan(0);
  expect(world.outcomes().length).toBeLessThan(changes.length);
  expect(await service.stop(), service.output()).toBe(0);
  await startFastService(world, SETTINGS);
  await world.untilEnded(changes.length, 10_000);
  expectUnharmed(world, changes);
}, 60_000);
