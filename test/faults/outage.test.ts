/**
 * The API is away for ten minutes and comes back: what that costs is time, never a change. All times are a hundredth of
 * real ones: ten minutes are six seconds.
 */
import { afterEach, expect, test } from 'vitest';
import { startTerritoryApi, type SandboxTerritoryApi } from '../sandbox/territory-api/index.ts';
import { fastWorld, startFastService } from '../e2e/fast-world.ts';
import { expectUnharmed, HUNDREDTH, lasting, publishChanges } from '../e2e/unharmed.ts';

const { api: API, settings: SETTINGS, probeIntervalMs, flights } = HUNDREDTH;
const TEN_MINUTES_MS = 6_000;
/** What a busy machine may add to a time that is measured once. */
const SLACK_MS = 300;

const restarted: SandboxTerritoryApi[] = [];

afterEach(async () => {
  await Promise.all(restarted.splice(0).map((api) => api.stop()));
});

test('ten minutes of 503 cost no change: at most one probe per interval, and full speed within one of the end', async () => {
  const world = await fastWorld({ api: API });
  await startFastService(world, SETTINGS);
  const usualAt = Date.now();
  const usual = publishChanges(world, 'usual', 400);
  await world.untilEnded(usual.length, 10_000);
  const usualMs = Math.max(...world.api.history().map(({ at }) => at)) - usualAt;

  // It begins while some flights have written and others are about to.
  const before = publishChanges(world, 'before', 200);
  await expect.poll(() => world.api.history().length, { interval: 2 }).toBeGreaterThan(usual.length);
  const outage = world.api.faults.inject({ kind: 'status', status: 503 });
  const during = publishChanges(world, 'during', 200);
  await lasting(TEN_MINUTES_MS);
  outage.remove();
  const endAt = Date.now();
  const all = [...usual, ...before, ...during];
  await world.untilEnded(all.length, 10_000);

  expectUnharmed(world, all);
  const refused = world.api.requests().filter(({ status }) => status === 503);
  const probes = refused.filter(({ method, records }) => method === 'GET' && records === 1);
  expect(probes.length).toBeGreaterThan(10);
  expect(probes.length).toBeLessThanOrEqual(TEN_MINUTES_MS / probeIntervalMs + 1);
  expect(refused.length - probes.length).toBeLessThanOrEqual(flights);
  const writtenMs = world.api.history().flatMap(({ at }) => (at >= endAt ? [at - endAt] : []));
  expect(writtenMs.length).toBeGreaterThanOrEqual(during.length);
  expect(Math.min(...writtenMs)).toBeLessThan(probeIntervalMs + SLACK_MS);
  // What was left is at most what was done in the usual time.
  expect(Math.max(...writtenMs)).toBeLessThan(probeIntervalMs + usualMs + SLACK_MS);
});

test('an API that is stopped and started again on its port costs no change, though it forgot the requests before', async () => {
  const world = await fastWorld({ api: API });
  const service = await startFastService(world, SETTINGS);
  const before = publishChanges(world, 'before', 200);
  await expect.poll(() => world.api.history().length, { interval: 2 }).toBeGreaterThan(0);
  await world.api.stop();
  const during = publishChanges(world, 'during', 100);
  await lasting(1_000);
  expect(service.output()).toMatch(/ECONNREFUSED|connection broke/);
  const again = await startTerritoryApi({ ...API, port: Number(new URL(world.api.url).port) });
  restarted.push(again);
  again.seedRecords(world.api.records());
  await world.untilEnded(before.length + during.length, 10_000);
  expectUnharmed(world, [...before, ...during], [world.api, again]);
});

test('after 429 nothing is asked for as long as Retry-After says', async () => {
  const world = await fastWorld({ api: API });
  await startFastService(world, SETTINGS);
  const throttle = world.api.faults.inject({ kind: 'status', status: 429, retryAfter: 1 });
  const changes = publishChanges(world, 'change', 200);
  await expect.poll(() => throttle.hits, { interval: 2 }).toBeGreaterThan(0);
  await lasting(1_500);
  throttle.remove();
  await world.untilEnded(changes.length, 10_000);

  expectUnharmed(world, changes);
  const asked = world.api.requests().map(({ at, status, records }) => ({ at, status, records }));
  const throttled = asked.filter(({ status }) => status === 429);
  const [first = 0, ...others] = throttled.map(({ at }) => at);
  // The flights that were under way when the first was refused, then one probe after each wait.
  const together = others.filter((at) => at < first + 1_000);
  expect(together.length).toBeLessThan(flights);
  const secondAt = Math.min(...asked.filter(({ at }) => at >= first + 1_000).map(({ at }) => at));
  const lastTogether = Math.max(first, ...together);
  expect(secondAt - lastTogether).toBeGreaterThanOrEqual(1_000);
  expect(asked.find(({ at }) => at === secondAt)?.records).toBe(1);
  expect(Math.max(...together, first) - first).toBeLessThan(SLACK_MS);
});
