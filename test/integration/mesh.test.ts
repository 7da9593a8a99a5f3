/** The mesh layer against the sandbox's broker, over real sockets: receiving, links, restart and stop. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { SandboxMesh } from '../sandbox/mesh/index.ts';
import { eventually, lineTo, numbers, webSocketOf } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';

const stage = sandboxStage();
const { queue, receiving, fill, tcp } = stage;
let sandbox: SandboxMesh;
beforeEach(() => {
  sandbox = stage.sandbox;
});

/** How AMQP writes the type of an outcome (part 3, section 3.4) or of a frame (part 2, section 2.7). */
const outcome = (code: number): Buffer => Buffer.from([0x00, 0x53, code]);

describe('receiving', () => {
  test('2,000 messages arrive in order, with never more than the window unsettled', async () => {
    fill(2_000);
    const { inbox } = receiving(50);
    let most = 0;
    const open: (() => unknown)[] = [];
    inbox.onDelivery = (delivery) => {
      open.push(() => delivery.accept());
      most = Math.max(most, open.length, sandbox.depth(queue).unsettled);
      // Settled late and in bursts, as the intake does.
      if (open.length >= 37) queueMicrotask(() => open.splice(0).forEach((accept) => accept()));
    };
    await eventually(() => inbox.deliveries.length === 2_000, '2,000 deliveries');
    open.splice(0).forEach((accept) => accept());
    await sandbox.until((mesh) => mesh.counters.acceptances === 2_000, 5_000);
    expect(inbox.texts).toEqual(numbers(2_000));
    expect(most).toBeLessThanOrEqual(50);
    expect(most).toBeGreaterThan(36);
  });

  test('with nothing settled the broker delivers exactly the window, and each settlement lets one more come', async () => {
    fill(30);
    const { inbox, mesh } = receiving(5);
    await eventually(() => inbox.deliveries.length === 5, 'a full window');
    // Had the broker credit left, it would use it before it answers this round trip.
    await mesh.publish({
      to: { kind: 'topic', name: 'a/b' },
      body: Buffer.from(''),
      contentType: 'text/plain',
    });
    expect(inbox.deliveries.length).toBe(5);
    inbox.deliveries[0]?.accept();
    await eventually(() => inbox.deliveries.length === 6, 'one more');
    await mesh.publish({
      to: { kind: 'topic', name: 'a/b' },
      body: Buffer.from(''),
      contentType: 'text/plain',
    });
    expect(sandbox.depth(queue)).toEqual({ ready: 24, unsettled: 5 });
  });

  test('room from earlier settlements is used even when the last credit goes into a delivery that stays unsettled', async () => {
    fill(7);
    const { inbox } = receiving(8);
    await eventually(() => inbox.deliveries.length === 7, 'seven deliveries');
    inbox.deliveries[0]?.accept();
    await sandbox.until((mesh) => mesh.counters.acceptances === 1, 5_000);
    fill(2, 7);
    await eventually(() => inbox.deliveries.length === 9, 'both others');
    expect(sandbox.depth(queue)).toEqual({ ready: 0, unsettled: 8 });
  });

  test('a delivery is settled once; whatever is called afterwards answers stale and harms nothing', async () => {
    fill(3);
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 3, 'three deliveries');
    const [first, second, third] = inbox.deliveries;
    expect([first?.accept(), first?.accept(), first?.reject('no'), first?.release()]).toEqual([
      'settled',
      'stale',
      'stale',
      'stale',
    ]);
    expect(second?.reject('not wanted')).toBe('settled');
    expect(third?.accept()).toBe('settled');
    await sandbox.until((mesh) => mesh.counters.acceptances === 2 && mesh.counters.rejections === 1, 5_000);
    expect(inbox.events).toEqual(['attached 1']);
  });

  test('pause withholds credit and leaves deliveries valid; resume goes on', async () => {
    const { inbox, subscription, mesh } = receiving(10);
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
    fill(2);
    await eventually(() => inbox.deliveries.length === 2, 'two deliveries');
    subscription.pause();
    await mesh.publish({
      to: { kind: 'queue', name: queue },
      body: Buffer.from('2'),
      contentType: 'text/plain',
    });
    expect(inbox.deliveries[0]?.accept()).toBe('settled');
    await sandbox.until((mesh) => mesh.counters.acceptances === 1, 5_000);
    expect(sandbox.depth(queue)).toEqual({ ready: 1, unsettled: 1 });
    subscription.resume();
    await eventually(() => inbox.texts.join() === '0,1,2', 'the third delivery');
  });

  test('a handler that throws costs neither the connection nor the deliveries after it', async () => {
    fill(3);
    const { inbox, log } = receiving(10);
    inbox.onDelivery = (delivery) => {
      delivery.accept();
      if (inbox.deliveries.length === 1) throw new Error('a bug');
    };
    await sandbox.until((mesh) => mesh.counters.acceptances === 3, 5_000);
    expect(sandbox.counters.connectionsAccepted).toBe(1);
    expect(log.defects).toHaveLength(1);
    log.lines.length = 0;
  });

  test('properties, ids and text keep their values; a message without a body is empty', async () => {
    sandbox.enqueue(queue, {
      body: 'Zürich',
      contentType: 'application/json',
      messageId: 'm-1',
      correlationId: 'c-1',
      subject: 'S',
      properties: { 'cloudEvents:type': 'tÿpe', count: 3, ratio: 0.5, yes: true, nothing: null },
    });
    sandbox.enqueue(queue, { body: '' });
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 2, 'two deliveries');
    expect(inbox.deliveries[0]?.message).toEqual({
      body: Buffer.from('Zürich'),
      contentType: 'application/json',
      messageId: 'm-1',
      correlationId: 'c-1',
      subject: 'S',
      properties: Object.assign(Object.create(null), {
        'cloudEvents:type': 'tÿpe',
        count: 3,
        ratio: 0.5,
        yes: true,
        nothing: null,
      }),
      deliveryCount: 0,
    });
    expect(inbox.deliveries[1]?.message.body).toHaveLength(0);
  });
});

describe('links that end while the connection lives', () => {
  test('a detached link is attached again; nothing is rejected and the order stays', async () => {
    fill(30);
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 10, 'a full window');
    inbox.onDelivery = (delivery) => delivery.accept();
    sandbox.faults.detachLinks('amqp:link:detach-forced');
    await sandbox.until((mesh) => mesh.counters.acceptances === 30, 8_000);
    expect(inbox.texts.slice(10)).toEqual(numbers(30));
    expect(inbox.events).toEqual(['attached 1', 'lost 1', 'attached 2']);
    expect(sandbox.counters).toMatchObject({ rejections: 0, connectionsAccepted: 1 });
  });

  test('whoever ends a link, the broker is not told that unsettled deliveries are rejected', async () => {
    const line = await lineTo(sandbox.tcpPort);
    fill(3);
    const { inbox, mesh } = receiving(10, { endpoint: { ...tcp(), uri: `amqp://127.0.0.1:${line.port}` } });
    await eventually(() => inbox.deliveries.length === 3, 'three deliveries');
    sandbox.faults.detachLinks('amqp:link:detach-forced');
    await eventually(() => inbox.deliveries.length === 6, 'again');
    sandbox.faults.endSessions('amqp:internal-error');
    await eventually(() => inbox.deliveries.length === 9, 'and again');
    inbox.deliveries[6]?.accept();
    await mesh.stop();
    expect(line.sent().includes(outcome(0x24)), 'accepted').toBe(true);
    expect(line.sent().includes(outcome(0x25)), 'rejected').toBe(false);
    // End: the session of a link that the broker detached is ended, or its unsettled deliveries would fill the window for good.
    expect(line.sent().includes(outcome(0x17)), 'ended').toBe(true);
    await line.close();
  });

  test('forty detaches with a full window each leave the flow as it was', async () => {
    fill(20);
    const { inbox } = receiving(20, { options: { backoff: { firstMs: 1, maxMs: 2 } } });
    for (let round = 1; round <= 40; round++) {
      await eventually(() => inbox.deliveries.length === 20 * round, `window ${round}`);
      sandbox.faults.detachLinks('amqp:link:detach-forced');
    }
    inbox.onDelivery = (delivery) => delivery.accept();
    await sandbox.until((mesh) => mesh.counters.acceptances === 20, 8_000);
    expect(sandbox.counters).toMatchObject({ rejections: 0, connectionsAccepted: 1 });
  });

  test('a session that the broker ends takes its link along, not the connection', async () => {
    fill(5);
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 5, 'five deliveries');
    sandbox.faults.endSessions('amqp:internal-error');
    await eventually(() => inbox.deliveries.length === 10, 'all again');
    expect(inbox.events).toEqual(['attached 1', 'lost 1', 'attached 2']);
    expect(inbox.texts.slice(5)).toEqual(numbers(5));
    expect(sandbox.counters).toMatchObject({ rejections: 0, connectionsAccepted: 1 });
  });

  test('a queue that does not exist is named, and received from once it does', async () => {
    const { inbox } = receiving(10, { from: 'default/territory/sync/other' });
    await eventually(() => inbox.problems.length >= 2, 'two refusals');
    expect(inbox.problems[0]).toContain('Queue default/territory/sync/other does not exist');
    sandbox.createQueue('default/territory/sync/other');
    await sandbox.until((mesh) => mesh.consumers('default/territory/sync/other').active === 1, 5_000);
    expect(sandbox.counters.connectionsAccepted).toBe(1);
  });

  test('an attach that is never answered is given up and made again', async () => {
    sandbox.faults.at('attach', 'silence', 1);
    const { inbox } = receiving(10);
    await eventually(() => inbox.events.some((event) => event.startsWith('attached')), 'attached in the end');
  });
});

describe('restart and stop', () => {
  test('a restart takes a new connection after the old one has gone; everything unsettled comes again', async () => {
    fill(10);
    const { inbox, subscription } = receiving(5);
    await eventually(() => inbox.deliveries.length === 5, 'a full window');
    subscription.restart('the journal cannot take more');
    subscription.restart('and once more');
    await eventually(() => inbox.deliveries.length === 10, 'the window again');
    expect(inbox.texts.slice(5)).toEqual(numbers(5));
    expect(inbox.deliveries[0]?.accept()).toBe('stale');
    expect(inbox.events).toEqual(['attached 1', 'lost 1', 'attached 2']);
    expect(sandbox.counters).toMatchObject({ connectionsAccepted: 2, maxConnections: 1, rejections: 0 });
  });

  test('stop leaves unsettled messages on the queue in their order and rejects none; what was settled stays settled', async () => {
    fill(1_500);
    const { inbox, mesh } = receiving(1_000);
    await eventually(() => inbox.deliveries.length === 1_000, 'a full window');
    const settled = inbox.deliveries.slice(0, 800).map((delivery) => delivery.accept());
    expect(new Set(settled)).toEqual(new Set(['settled']));
    await mesh.stop();
    await sandbox.until((mesh) => mesh.counters.connections === 0, 5_000);
    const received = inbox.deliveries.length;
    expect(sandbox.peek(queue).map(({ body }) => body.toString())).toEqual(numbers(700, 800));
    expect(sandbox.counters).toMatchObject({ acceptances: 800, rejections: 0, releases: 0 });
    expect(inbox.deliveries.slice(800, received).every((delivery) => delivery.accept() === 'stale')).toBe(
      true,
    );
    expect(mesh.status().state).toBe('stopped');
  });

  test.each([
    ['idle', () => undefined, 'idle'],
    ['connecting', () => sandbox.faults.hangUpgrades('until-cleared'), 'connecting'],
    ['waiting', () => sandbox.faults.refuseUpgrades(503, 'until-cleared'), 'waiting'],
    ['open', () => undefined, 'open'],
  ])('stop in state %s ends at once and leaves no timer or socket', async (name, fault, state) => {
    fault();
    const made = stage.rig(webSocketOf(sandbox), { connectTimeoutMs: 5_000 });
    if (name !== 'idle') made.mesh.start();
    await eventually(() => made.mesh.status().state === state, state);
    await made.mesh.stop();
    await made.mesh.stop();
    expect(made.mesh.status().state).toBe('stopped');
    expect(made.clock.timers).toBe(0);
    await sandbox.until(
      (mesh) => mesh.counters.connections === 0 && mesh.counters.upgradesWaiting === 0,
      5_000,
    );
  });

  test('state changes are told in order, each once, and no more after stopping to listen', async () => {
    const made = stage.rig(webSocketOf(sandbox));
    const seen: string[] = [];
    const deaf: string[] = [];
    made.mesh.onStateChange(({ state }) => void seen.push(state));
    made.mesh.onStateChange(({ state }) => void deaf.push(state))();
    made.mesh.start();
    await eventually(() => made.mesh.status().state === 'open', 'open');
    sandbox.faults.dropConnections();
    await eventually(() => seen.filter((state) => state === 'open').length === 2, 'open again');
    await made.mesh.stop();
    expect(seen).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open', 'stopping', 'stopped']);
    expect(deaf).toEqual([]);
  });
});
