/**
 * Somebody took a role away, or a path is wrong: then everything is refused, and that is no change's fault. Nothing
 * becomes a dead letter, the log says what to look at, and after the repair everything is applied.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../sandbox/territory-api/index.ts';
import type { PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World } from '../system/world.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { expectUnharmed, HUNDREDTH, lasting, publishChanges } from './unharmed.ts';

/** Few, so that a service that counts them against a change would give up soon. */
const SETTINGS = { ...HUNDREDTH.settings, RETRY_LIMIT: '2' };
const ALL_RETRIES_MS = 250;

interface Misconfiguration {
  readonly what: string;
  readonly fault: Fault;
  readonly says: RegExp;
}

const CASES: readonly Misconfiguration[] = [
  { what: 'no role: 403 for every request', fault: { kind: 'status', status: 403 }, says: /403.*role/ },
  {
    what: 'no role to write: 403 for every write',
    fault: { kind: 'status', status: 403, on: 'write' },
    says: /403.*role/,
  },
  {
    what: 'no role to write: 403 for every record',
    fault: { kind: 'record-status', status: 403 },
    says: /403.*role/,
  },
  {
    what: 'a wrong path: 404 for every request',
    fault: { kind: 'status', status: 404 },
    says: /404.*TERRITORY_PATH/,
  },
  {
    what: 'a wrong path: 404 for every record',
    fault: { kind: 'record-status', status: 404 },
    says: /404.*TERRITORY_PATH/,
  },
  {
    what: '400 for every record',
    fault: { kind: 'record-status', status: 400 },
    says: /refuses every record/,
  },
  { what: 'a wrong password: 401', fault: { kind: 'status', status: 401 }, says: /401.*credentials/ },
  { what: 'a redirect to a login page', fault: { kind: 'redirect' }, says: /redirect.*authentication/ },
  { what: 'a login page', fault: { kind: 'html' }, says: /without a JSON body/ },
];

/** Lines of level WARN or ERROR. */
function alerts(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => /\b(?:WARN|ERROR)\b/.test(line));
}

describe.each(['rest', 'odata-v4'])('over %s', (protocol) => {
  let world: World;
  let service: ServiceProcess;
  const published: PublishedChange[] = [];

  beforeAll(async () => {
    world = await startWorld({ api: HUNDREDTH.api });
    service = await startService(world.env({ ...SETTINGS, TERRITORY_PROTOCOL: protocol }));
    published.push(...publishChanges(world, 'before', 20));
    await world.untilEnded(published.length, 10_000);
  });

  afterEach(() => world.api.faults.clear());

  afterAll(async () => {
    await service.kill();
    await world.stop();
  });

  test.each(CASES)(
    '$what: a line says so, nothing is given up, all is applied after the repair',
    async (wrong) => {
      const known = service.output().split('\n').length;
      const newLines = () => service.output().split('\n').slice(known);
      const fault = world.api.faults.inject(wrong.fault);
      published.push(...publishChanges(world, wrong.what, 60));
      await expect.poll(() => alerts(newLines()).join('\n'), { timeout: 5_000 }).toMatch(wrong.says);
      await lasting(ALL_RETRIES_MS);
      expect(fault.hits).toBeGreaterThan(0);
      expect(world.mesh.depth(world.queues.outcomes).ready).toBe(published.length - 60);
      fault.remove();
      await world.untilEnded(published.length, 10_000);
      expectUnharmed(world, published);
    },
  );

  test('403 for the only record there is: no other shows whether the right is there, so it waits and is applied after the repair', async () => {
    const known = service.output().split('\n').length;
    const fault = world.api.faults.inject({ kind: 'record-status', status: 403 });
    published.push(...publishChanges(world, 'alone', 1));
    await expect
      .poll(() => alerts(service.output().split('\n').slice(known)).join('\n'), { timeout: 5_000 })
      .toMatch(/403.*role/);
    // Far more often than the retries that end a change refused for its content.
    const often = fault.hits + 10;
    await expect.poll(() => fault.hits, { timeout: 10_000 }).toBeGreaterThan(often);
    expect(world.mesh.depth(world.queues.outcomes).ready).toBe(published.length - 1);
    fault.remove();
    await world.untilEnded(published.length, 10_000);
    expectUnharmed(world, published);
  });
});

test('deletes that are all answered 404 while the records are there wait for the repair: none is taken for done', async () => {
  const world = await fastWorld({ api: HUNDREDTH.api });
  const ids = Array.from({ length: 10 }, (_, index) => `A-${index}`);
  world.api.seedRecords(ids.map((id) => ({ territoryId: `TER-${id}`, id, fields: { owner: 'nobody' } })));
  const service = await startFastService(world, SETTINGS);
  const fault = world.api.faults.inject({ kind: 'record-status', status: 404 });
  for (const id of ids) {
    const assignments = [{ id, operation: 'delete' as const }];
    world.publish({ id, source: '/default/crm/prod', territoryId: `TER-${id}`, assignments });
  }
  await expect.poll(() => alerts(service.output().split('\n')).join('\n')).toMatch(/404.*TERRITORY_PATH/);
  await lasting(ALL_RETRIES_MS);
  expect(world.outcomes()).toEqual([]);
  fault.remove();
  await world.untilEnded(ids.length, 10_000);
  const told = world.outcomes().map(({ data }) => data.assignments.map(({ result }) => result));
  expect(told).toEqual(ids.map(() => ['deleted']));
  expect(world.api.records()).toEqual([]);
});

test('a service started with a wrong path gives up nothing, and all is applied once it is started with the right one', async () => {
  const world = await fastWorld({ api: HUNDREDTH.api });
  const wrong = await startFastService(world, {
    ...SETTINGS,
    TERRITORY_PATH: '/territory-api/v2/assignments',
  });
  const changes = publishChanges(world, 'change', 60);
  await expect
    .poll(() => alerts(wrong.output().split('\n')).join('\n'), { timeout: 5_000 })
    .toMatch(/404.*TERRITORY_PATH/);
  await lasting(ALL_RETRIES_MS);
  expect(await wrong.stop(), wrong.output()).toBe(0);
  expect(world.outcomes()).toEqual([]);
  await startFastService(world, SETTINGS);
  await world.untilEnded(changes.length, 10_000);
  expectUnharmed(world, changes);
});
