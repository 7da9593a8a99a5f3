/** The mesh layer and what cannot be read, against the sandbox's broker over real sockets. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareMessage } from '../../srv/mesh/bare-message.ts';
import type { Unreadable } from '../../srv/mesh/port.ts';
import { eventually, numbers } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';
import { relayTo, type Relay } from './relay.ts';

const ALERT = 'TerritorySyncMessageUnreadable';
const stage = sandboxStage();
const { queue, receiving, fill, tcp } = stage;

/** Sections that are no AMQP, each wrong in another way. */
const NONSENSE: readonly [string, Buffer][] = [
  ['a string longer than the message', Buffer.from([0x00, 0x53, 0x77, 0xb1, 0x7f, 0xff, 0xff, 0xff, 0x61])],
  ['an unknown section', Buffer.from([0x00, 0x53, 0x99, 0x40])],
  ['an unknown type', Buffer.from([0x00, 0x53, 0x77, 0x3e])],
  ['no section at all', Buffer.from('{"territoryId":"EMEA"}')],
  ['properties that are no list', Buffer.from([0x00, 0x53, 0x73, 0xa1, 0x03, 0x61, 0x62, 0x63])],
  ['a map with half an entry', Buffer.from([0x00, 0x53, 0x74, 0xc1, 0x04, 0x01, 0xa1, 0x01, 0x61])],
  ['two bodies of two kinds', Buffer.from([0x00, 0x53, 0x75, 0xa0, 0x01, 0x61, 0x00, 0x53, 0x77, 0x40])],
];

describe('a message that is no AMQP message', () => {
  test.each(NONSENSE)('is delivered with its bytes among the good ones: %s', async (_name, raw) => {
    fill(3);
    stage.sandbox.enqueue(queue, { raw });
    fill(3, 3);
    const { inbox, log } = receiving(10);
    await eventually(() => inbox.deliveries.length === 7, 'seven deliveries');
    const [bad] = inbox.deliveries.splice(3, 1);
    expect(bad?.message).toMatchObject({ undecodable: expect.stringContaining('error') as string });
    // As the sender sent it, without what the broker puts in front.
    expect(bad?.message.body).toEqual(raw);
    expect(bad?.message.contentType).toBeUndefined();
    expect(inbox.texts).toEqual(numbers(6));
    expect(bad?.accept()).toBe('settled');
    inbox.deliveries.forEach((delivery) => delivery.accept());
    await stage.sandbox.until((mesh) => mesh.counters.acceptances === 7, 5_000);
    expect(stage.sandbox.counters.connectionsAccepted).toBe(1);
    expect(log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringContaining('no AMQP message'),
    ]);
  });

  test('whatever its bytes are, and in whatever pieces they come, those around it are whole', async () => {
    const line = await choppingLine();
    const made = receiving(50, { endpoint: { ...tcp(), uri: `amqp://127.0.0.1:${line.port}` } });
    const { inbox } = made;
    inbox.onDelivery = (delivery) => delivery.accept();
    // Descriptors of the sections of a message (part 3, section 3.2), then anything.
    const section = fc
      .tuple(fc.integer({ min: 0x70, max: 0x79 }), fc.uint8Array({ maxLength: 40 }))
      .map(([code, rest]) => Buffer.from([0x00, 0x53, code, ...rest]));
    const bad = fc.oneof(
      section,
      fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    );
    let undecodable = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(bad, { minLength: 1, maxLength: 20 }), async (raws) => {
        inbox.deliveries.length = 0;
        raws.forEach((raw, index) => {
          stage.sandbox.enqueue(queue, { raw });
          fill(1, index);
        });
        await eventually(() => inbox.deliveries.length === 2 * raws.length, 'each of them');
        raws.forEach((raw, index) => {
          const message = inbox.deliveries[2 * index]?.message;
          if (message?.undecodable === undefined) return;
          undecodable++;
          expect(message.body).toEqual(bareMessage(raw));
        });
        const others = inbox.deliveries.filter((_delivery, index) => index % 2 === 1);
        expect(others.map(({ message }) => message.body.toString())).toEqual(numbers(raws.length));
      }),
      { numRuns: 60 },
    );
    expect(undecodable).toBeGreaterThan(50);
    expect(stage.sandbox.counters.connectionsAccepted).toBe(1);
    await made.mesh.stop();
    await line.close();
  });

  test('has the same bytes when it is delivered again, though the broker counts its deliveries in it', async () => {
    const raw = Buffer.from('neither AMQP nor anything else');
    stage.sandbox.enqueue(queue, { raw });
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 1, 'the first delivery');
    stage.sandbox.faults.dropConnections();
    await eventually(() => inbox.deliveries.length === 2, 'the second delivery');
    expect(stage.sandbox.counters.redeliveries).toBe(1);
    expect(inbox.deliveries.map(({ message }) => message.body)).toEqual([raw, raw]);
  });

  test('is found out too when it comes in many frames', async () => {
    const raw = Buffer.concat([
      Buffer.from([0x00, 0x53, 0x77, 0xb1, 0x7f, 0xff, 0xff, 0xff]),
      Buffer.alloc(300_000, 'x'),
    ]);
    stage.sandbox.enqueue(queue, { raw });
    fill(1);
    const { inbox } = receiving(10);
    await eventually(() => inbox.deliveries.length === 2, 'both');
    expect(inbox.deliveries[0]?.message.body.equals(raw)).toBe(true);
    expect(inbox.deliveries[1]?.message.undecodable).toBeUndefined();
  });

  test('larger than the limit of the library, 16 MiB, is received', async () => {
    await stage.replaceSandbox({ maxMessageSizeBytes: 40_000_000, tcp: {} });
    stage.sandbox.createQueue(queue, { maxMessageSizeInBytes: 30_000_000 });
    stage.sandbox.enqueue(queue, { body: Buffer.alloc(20_000_000, 'x') });
    const { inbox } = receiving(10, { options: { silentAfterMs: 5_000 } });
    await eventually(() => inbox.deliveries.length === 1, 'the large one', 15_000);
    expect(inbox.deliveries[0]?.message.body.length).toBe(20_000_000);
  });
});

/** Passes on what the broker says in pieces of a few bytes, each for itself. */
function choppingLine(): Promise<Relay> {
  return relayTo(stage.sandbox.tcpPort, {
    join(near, far) {
      near.setNoDelay(true);
      near.pipe(far);
      void (async () => {
        let size = 1;
        for await (const bytes of far as AsyncIterable<Buffer>) {
          for (let from = 0; from < bytes.length; from += size, size = (size % 61) + 1) {
            near.write(bytes.subarray(from, from + size));
            await nextTurn();
          }
        }
      })().catch(() => near.destroy());
    },
  });
}

describe('a frame that cannot be read', () => {
  /** A frame of AMQP with the descriptor of nothing. */
  const NONSENSE_FRAME = Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0x00, 0x53, 0xee, 0x45]);
  /** How a Transfer begins. */
  const TRANSFER = Buffer.from([0x00, 0x53, 0x14]);

  /** Goes on to the broker, and puts a frame without sense in front of every Transfer's bytes while it is `breaking`. */
  async function breakingLine(): Promise<{ readonly relay: Relay; breaking: boolean }> {
    const line = { breaking: true };
    const relay = await relayTo(stage.sandbox.tcpPort, {
      join(near, far) {
        near.pipe(far);
        far.on('data', (bytes) => {
          const isStruck = line.breaking && bytes.includes(TRANSFER);
          near.write(isStruck ? Buffer.concat([NONSENSE_FRAME, bytes]) : bytes);
        });
      },
    });
    return Object.assign(line, { relay });
  }

  test('is named with its queue and what to do; the waits grow; it is forgotten once a connection lasts', async () => {
    const line = await breakingLine();
    fill(2);
    const made = receiving(10, { endpoint: { ...tcp(), uri: `amqp://127.0.0.1:${line.relay.port}` } });
    const told: (Unreadable | undefined)[] = [];
    made.mesh.onStateChange(({ state, unreadable }) => {
      if (state === 'waiting' || state === 'open') told.push(unreadable);
    });
    await eventually(() => made.log.failures.length >= 4, 'four attempts');
    const problem = made.mesh.status().unreadable;
    expect(problem).toMatchObject({ queues: [queue] });
    expect(problem?.times).toBeGreaterThanOrEqual(4);
    expect(problem?.message).toMatch(new RegExp(`queue ${queue}.*remove it`, 'u'));
    expect(new Set(made.log.failures.map(({ code }) => code))).toEqual(new Set(['MESH_UNREADABLE_FRAME']));
    made.log.failures
      .slice(0, 4)
      .forEach(({ retryInMs }, index) => expect(retryInMs).toBeGreaterThanOrEqual(10 * 2 ** index));

    const alerts = (): string[] =>
      made.log.lines.flatMap(({ level, fields }) => (fields['alert'] === ALERT ? [level] : []));
    expect(alerts(), 'told once, however often it happens').toEqual(['error']);

    line.breaking = false;
    await eventually(() => made.inbox.deliveries.length === 2, 'both messages');
    expect(made.mesh.status().unreadable).toBeDefined();
    await eventually(() => made.mesh.status().unreadable === undefined, 'forgotten');
    // And that is told.
    expect(told.at(-1)).toBeUndefined();
    expect(alerts()).toEqual(['error', 'info']);
    made.log.lines.length = 0;
    await made.mesh.stop();
    await line.relay.close();
  });
});
