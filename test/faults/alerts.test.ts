/**
 * One real outage of each dependency while the service works: mesh, territory API, Redis and PostgreSQL. Each is told to a local
 * producer API of SAP Alert Notification when it begins and when it is over: an alert waits
 * 15 s until it is raised and 30 s until it has recovered, so this takes minutes.
 */
import { expect, test } from 'vitest';
import { bindingsOf, startAlertNotification } from '../integration/alert-notification-server.ts';
import { describeNeeding } from '../integration/needing.ts';
import { wayTo } from '../integration/postgres-outage.ts';
import { newDatabase, whyNoServer } from '../integration/postgres-server.ts';
import { startRedis, whyNoRedis } from '../integration/redis-server.ts';
import { closedAfterEach } from '../system/closing.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { withService } from '../system/provided-service.ts';
import { startService } from '../system/service-process.ts';
import { startWorld } from '../system/world.ts';
import { FAST_SETTINGS, ownerChanges } from '../e2e/fast-world.ts';

const missing = whyNoRedis() ?? (await whyNoServer());
/** Of the four, the outage of the mesh only. */
const isShort = process.env['SHORT'] === '1';
const open = closedAfterEach();

describeNeeding(missing, 'With real servers', () => {
  test('an outage of each dependency raises its alert and no other, and its end recovers it', async () => {
    const alerts = await startAlertNotification();
    open.push(() => alerts.stop());
    const database = await newDatabase();
    open.push(() => database.drop());
    const way = await wayTo(database.credentials.uri);
    open.push(() => way.stop());
    const redis = await startRedis();
    open.push(() => redis.stop());
    const world = await startWorld({ api: { caches: { minLagMs: 40, maxLagMs: 100 } } });
    open.push(() => world.stop());
    let env = withPostgres(world.env({ ...FAST_SETTINGS, MESH_DISCONNECTED_ALERT_S: '5' }), way.credentials);
    env = withService(env, { name: 'locks', tag: 'redis', credentials: redis.credentials });
    env = withService(env, {
      name: 'alerts',
      tag: 'alert-notification',
      credentials: bindingsOf(alerts).mTLS,
    });
    const service = await startService(env);
    open.push(() => service.kill());
    await world.untilReceiving();
    const changes = ownerChanges(world, { territories: 4, assignments: 2, count: 16 });
    const [first, second] = [changes.slice(0, 8), changes.slice(8)];
    for (const change of first) world.publish(change);
    await world.untilEnded(first.length, 20_000);

    const statusOf = (name: string) =>
      alerts.events
        .filter(({ eventType }) => eventType === `TerritorySync${name}`)
        .map(({ tags }) => tags['ans:status']);
    const outage = async (name: string, begin: () => unknown, end: () => unknown) => {
      await begin();
      await expect.poll(() => statusOf(name), { timeout: 60_000 }).toEqual(['CREATE_OR_UPDATE']);
      await end();
      await expect.poll(() => statusOf(name), { timeout: 90_000 }).toEqual(['CREATE_OR_UPDATE', 'CLOSE']);
    };

    let back = Promise.resolve();
    const cutMesh = () => void (back = world.mesh.faults.restart(15_000));
    await outage('MeshDisconnected', cutMesh, () => back);
    if (isShort) return;
    const refusing = world.api.faults.inject({ kind: 'status', status: 503 });
    for (const change of second) world.publish(change);
    await outage(
      'ApiUnavailable',
      () => undefined,
      () => refusing.remove(),
    );
    await Promise.all([
      outage(
        'JournalUnavailable',
        () => way.close(),
        () => way.open(),
      ),
      outage(
        'LockStoreUnavailable',
        () => redis.kill(),
        () => redis.restart(),
      ),
    ]);
    await world.untilEnded(first.length + second.length, 30_000);
    expect(new Set(alerts.events.map(({ eventType }) => eventType))).toEqual(
      new Set([
        'TerritorySyncApiUnavailable',
        'TerritorySyncJournalUnavailable',
        'TerritorySyncLockStoreUnavailable',
        'TerritorySyncMeshDisconnected',
      ]),
    );
    expect(alerts.faults).toEqual([]);
    expect(await service.stop(), service.output()).toBe(0);
  }, 300_000);
});
