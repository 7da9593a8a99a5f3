/** The faults of the embedded mesh, each seen by a plain rhea client over real sockets. */
import { afterEach, expect, it } from 'vitest';
import { MeshBed, putNumbered } from '../sandbox/mesh/plain-bed.ts';
import { clientBinding, fetchToken } from '../sandbox/mesh/plain-client.ts';

const WAIT_MS = 5_000;
const bed = new MeshBed();
afterEach(() => bed.end());

it.each([401, 403, 404, 429, 503])('an upgrade is refused with %i as often as told', async (code) => {
  const mesh = await bed.start();
  mesh.faults.refuseUpgrades(code, 2);
  const token = await bed.token(mesh);
  for (const count of [1, 2]) {
    void bed.connect(mesh, token);
    await mesh.until(({ counters }) => counters.upgradesRefused === count, WAIT_MS);
  }
  await bed.connect(mesh, token);
  expect(mesh.counters).toMatchObject({ upgrades: 3, upgradesRefused: 2, maxConnections: 1 });
});

it('an upgrade or an Open hangs until the connection is dropped', async () => {
  const mesh = await bed.start();
  const token = await bed.token(mesh);
  mesh.faults.hangUpgrades();
  void bed.connect(mesh, token);
  await mesh.until(({ counters }) => counters.upgradesWaiting === 1, WAIT_MS);
  mesh.faults.dropConnections();
  await mesh.until(({ counters }) => counters.upgradesWaiting === 0, WAIT_MS);
  mesh.faults.hangOpens();
  void bed.connect(mesh, token);
  await mesh.until(({ counters }) => counters.connections === 1, WAIT_MS);
  mesh.faults.dropConnections();
  await mesh.until(({ counters }) => counters.connections === 0, WAIT_MS);
  expect(mesh.counters.opens).toBe(0);
  await bed.connect(mesh, token);
});

it('detached links, ended sessions and closed connections name the condition and give the messages back', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  putNumbered(mesh, 'q', 2);
  const strikes = [
    ['amqp:link:detach-forced', (condition: string) => mesh.faults.detachLinks(condition)],
    ['amqp:session:errant-link', (condition: string) => mesh.faults.endSessions(condition)],
    ['amqp:connection:forced', (condition: string) => mesh.faults.closeConnections(condition)],
  ] as const;
  for (const [condition, strike] of strikes) {
    const client = await bed.connect(mesh);
    await client.receive('queue:q', 2).got(2);
    strike(condition);
    expect(mesh.depth('q')).toEqual({ ready: 2, unsettled: 0 });
    await client.saw(condition);
  }
  expect(mesh.counters.lostDeliveries).toBe(6);
});

it('refused attaches, sessions and opens strike as often as told', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  mesh.faults.refuseAttaches('amqp:unauthorized-access');
  mesh.faults.refuseSessions('amqp:resource-limit-exceeded');
  const client = await bed.connect(mesh);
  client.receive('queue:q', 1);
  await client.saw('amqp:resource-limit-exceeded');
  const second = await bed.connect(mesh);
  second.receive('queue:q', 1);
  await second.saw('amqp:unauthorized-access');
  mesh.faults.refuseOpens('amqp:connection:forced');
  await (await bed.connect(mesh)).saw('amqp:connection:forced');
  const third = await bed.connect(mesh);
  third.receive('queue:q', 1);
  await mesh.until((m) => m.consumers('q').active === 1, WAIT_MS);
});

it('a silent connection keeps its socket and its messages until the client gives it up', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q', { accessType: 'EXCLUSIVE' });
  putNumbered(mesh, 'q', 1);
  const silent = await bed.connect(mesh);
  const inbox = silent.receive('queue:q', 5);
  await inbox.got(1);
  mesh.faults.goSilent();
  inbox.accept();
  putNumbered(mesh, 'q', 1, 2);
  const other = (await bed.connect(mesh)).receive('queue:q', 5);
  await mesh.until((m) => m.consumers('q').standby === 1, WAIT_MS);
  // What the silent one settled never arrived, what the broker sent it never left.
  expect(mesh.depth('q')).toEqual({ ready: 0, unsettled: 2 });
  expect(inbox.bodies()).toEqual(['m1']);
  mesh.faults.dropConnections();
  await silent.saw('disconnected');
  const last = (await bed.connect(mesh)).receive('queue:q', 5);
  await last.got(2);
  expect(last.bodies()).toEqual(['m1', 'm2']);
  expect(other.bodies()).not.toContain('m3');
});

it('after clearFaults a silent connection goes on where it stopped', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  putNumbered(mesh, 'q', 1);
  const inbox = (await bed.connect(mesh)).receive('queue:q', 5);
  await inbox.got(1);
  mesh.faults.goSilent();
  inbox.accept();
  putNumbered(mesh, 'q', 1, 2);
  await (await bed.connect(mesh)).send('queue:q').send('m3');
  expect(mesh.counters.acceptances).toBe(0);
  mesh.faults.clearFaults();
  await mesh.until(({ counters }) => counters.acceptances === 1, WAIT_MS);
  await inbox.got(3);
  expect(inbox.bodies()).toEqual(['m1', 'm2', 'm3']);
});

it.each(['open', 'begin', 'attach', 'settle'] as const)(
  'a connection is cut at the stage %s',
  async (stage) => {
    const mesh = await bed.start();
    mesh.createQueue('q');
    putNumbered(mesh, 'q', 1);
    mesh.faults.at(stage, 'drop');
    const token = await bed.token(mesh);
    void bed.connect(mesh, token).then(async (client) => {
      const inbox = client.receive('queue:q', 1);
      await inbox.got(1);
      inbox.accept();
    });
    await mesh.until(
      ({ counters }) => counters.connectionsAccepted === 1 && counters.connections === 0,
      WAIT_MS,
    );
    expect(mesh.depth('q')).toEqual({ ready: 1, unsettled: 0 });
    expect(mesh.counters.acceptances).toBe(0);
    const inbox = (await bed.connect(mesh, token)).receive('queue:q', 1);
    await inbox.got(1);
  },
);

it('a restart cuts every connection and keeps the queues, on the same port', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  putNumbered(mesh, 'q', 3);
  const before = await bed.connect(mesh);
  await before.receive('queue:q', 2).got(2);
  const restarted = mesh.faults.restart(200);
  await before.saw('disconnected');
  await expect(fetch(mesh.url)).rejects.toThrow('fetch failed');
  await restarted;
  const after = (await bed.connect(mesh)).receive('queue:q', 5);
  await after.got(3);
  expect(after.bodies()).toEqual(['m1', 'm2', 'm3']);
});

it('the token endpoint fails in each way, then works again', async () => {
  const mesh = await bed.start();
  const binding = clientBinding(mesh.credentials());
  mesh.faults.tokenEndpoint({ kind: 'down' });
  await expect(fetchToken(binding)).rejects.toThrow('fetch failed');
  mesh.faults.tokenEndpoint({ kind: 'status', status: 500 });
  await expect(fetchToken(binding)).rejects.toThrow('500');
  mesh.faults.tokenEndpoint({ kind: 'not-json' });
  await expect(fetchToken(binding)).rejects.toThrow('JSON');
  mesh.faults.tokenEndpoint({ kind: 'no-token' });
  expect(await fetchToken(binding)).toBeUndefined();
  mesh.faults.tokenEndpoint({ kind: 'slow', delayMs: 20 });
  await bed.connect(mesh, await fetchToken(binding));
});

it('a publisher can be answered otherwise than its message fares', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  const outbox = (await bed.connect(mesh)).send('queue:q');
  mesh.faults.answerPublishes({ kind: 'released' });
  expect(await outbox.send('m1')).toEqual({ outcome: 'released' });
  mesh.faults.answerPublishes({ kind: 'rejected', condition: 'amqp:not-allowed' });
  expect(await outbox.send('m2')).toEqual({ outcome: 'rejected', condition: 'amqp:not-allowed' });
  mesh.faults.answerPublishes({ kind: 'unanswered', message: 'stored' });
  void outbox.send('m3');
  expect(await outbox.send('m4')).toEqual({ outcome: 'accepted' });
  expect(mesh.peek('q').map(({ body }) => String(body))).toEqual(['m3', 'm4']);
});

it('a broker that is deaf as well notices a lost client only later, and keeps its messages until then', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q', { accessType: 'EXCLUSIVE' });
  putNumbered(mesh, 'q', 1);
  const lost = await bed.connect(mesh);
  await lost.receive('queue:q', 1).got(1);
  mesh.faults.goSilent({ deafMs: 100 });
  lost.cut();
  await lost.saw('disconnected');
  const inbox = (await bed.connect(mesh)).receive('queue:q', 1);
  await mesh.until((m) => m.consumers('q').standby === 1, WAIT_MS);
  expect(mesh.depth('q')).toEqual({ ready: 0, unsettled: 1 });
  await inbox.got(1);
  expect(mesh.consumers('q')).toEqual({ active: 1, standby: 0 });
});

it('a connection can end with its token', async () => {
  const mesh = await bed.start({ tokenLifetimeS: 0.2, atTokenExpiry: 'close' });
  await (await bed.connect(mesh)).saw('amqp:unauthorized-access');
});

it('100 reconnects with everything unsettled lose nothing, and the order holds', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q', { accessType: 'EXCLUSIVE' });
  putNumbered(mesh, 'q', 50);
  const token = await bed.token(mesh);
  const expected = Array.from({ length: 50 }, (_, n) => `m${n + 1}`);
  for (let round = 0; round < 100; round++) {
    const inbox = (await bed.connect(mesh, token)).receive('queue:q', 100);
    await inbox.got(50);
    expect(inbox.bodies()).toEqual(expected);
    mesh.faults.dropConnections();
  }
  await mesh.until(({ counters }) => counters.connections === 0, WAIT_MS);
  expect(mesh.counters).toMatchObject({
    deliveries: 5_000,
    lostDeliveries: 5_000,
    dropped: 0,
    maxConnections: 1,
  });
});
