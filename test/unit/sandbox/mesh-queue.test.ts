import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageQueue } from '../../sandbox/mesh/queue.ts';
import {
  DEFAULT_QUEUE_SETTINGS,
  mergeSettings,
  type QueueOptions,
} from '../../sandbox/mesh/queue-settings.ts';

function queueOf(count: number, options: QueueOptions = {}): MessageQueue {
  const queue = new MessageQueue('q', mergeSettings(DEFAULT_QUEUE_SETTINGS, options));
  for (let n = 0; n < count; n++) queue.put({ headers: {}, bare: Buffer.from(`m${n + 1}`) }, Infinity);
  return queue;
}

/** Takes all that consumers can have; gives `consumer:sequence` in order. */
function takeAll(queue: MessageQueue): readonly string[] {
  const taken: string[] = [];
  for (let next = queue.next(); next; next = queue.next()) taken.push(`${next.consumer}:${next.queued.seq}`);
  return taken;
}

describe('delivery', () => {
  it('is first in, first out, up to the credit', () => {
    const queue = queueOf(3);
    queue.attach('a');
    expect(takeAll(queue)).toEqual([]);
    queue.grant('a', 2);
    expect(takeAll(queue)).toEqual(['a:1', 'a:2']);
    expect(queue.depth()).toEqual({ ready: 1, unsettled: 2 });
  });

  it('stops at the unacknowledged window, whatever the credit, and goes on as deliveries are accepted', () => {
    const queue = queueOf(5, { maxDeliveredUnackedMsgsPerFlow: 2 });
    queue.attach('a');
    queue.grant('a', 100);
    expect(takeAll(queue)).toEqual(['a:1', 'a:2']);
    queue.settle('a', 1, 'accepted');
    expect(takeAll(queue)).toEqual(['a:3']);
  });

  it('goes round the consumers of a NON_EXCLUSIVE queue', () => {
    const queue = queueOf(5);
    for (const id of ['a', 'b', 'c']) queue.attach(id);
    queue.grant('a', 10);
    queue.grant('b', 10);
    expect(takeAll(queue)).toEqual(['a:1', 'b:2', 'a:3', 'b:4', 'a:5']);
  });

  it('goes to the first consumer of an EXCLUSIVE queue only, and to the next when that one goes', () => {
    const queue = queueOf(4, { accessType: 'EXCLUSIVE' });
    for (const id of ['a', 'b']) {
      queue.attach(id);
      queue.grant(id, 3);
    }
    expect(queue.consumers()).toEqual({ active: ['a'], standby: ['b'] });
    expect(takeAll(queue)).toEqual(['a:1', 'a:2', 'a:3']);
    queue.detach('a');
    expect(takeAll(queue)).toEqual(['b:1', 'b:2', 'b:3']);
  });
});

describe('redelivery', () => {
  it('keeps the original order at the head, however deliveries come back', () => {
    const queue = queueOf(6);
    queue.attach('a');
    queue.grant('a', 4);
    takeAll(queue);
    for (const seq of [3, 1, 4]) queue.settle('a', seq, 'failed');
    queue.grant('a', 10);
    expect(takeAll(queue)).toEqual(['a:1', 'a:3', 'a:4', 'a:5', 'a:6']);
  });

  it('counts a lost consumer as a failed attempt of all it had, and of nothing else', () => {
    const queue = queueOf(3);
    queue.attach('a');
    queue.grant('a', 2);
    takeAll(queue);
    queue.detach('a');
    expect(queue.messages().map(({ queued }) => queued.failures)).toEqual([1, 1, 0]);
  });

  it('ends after maxRedeliveryCount redeliveries', () => {
    const queue = queueOf(1, { maxRedeliveryCount: 2 });
    queue.attach('a');
    queue.grant('a', 10);
    const removals = [1, 2, 3].map(() => {
      takeAll(queue);
      return queue.settle('a', 1, 'failed')?.reason;
    });
    expect(removals).toEqual([undefined, undefined, 'redelivered-too-often']);
    expect(queue.depth()).toEqual({ ready: 0, unsettled: 0 });
    expect(queue.sizeBytes).toBe(0);
  });

  it('never ends where maxRedeliveryCount is 0', () => {
    const queue = queueOf(1, { maxRedeliveryCount: 0 });
    queue.attach('a');
    queue.grant('a', 1_000);
    for (let attempt = 0; attempt < 300; attempt++) {
      takeAll(queue);
      expect(queue.settle('a', 1, 'failed')).toBeUndefined();
    }
  });

  it('is not caused by settling twice or by another consumer', () => {
    const queue = queueOf(1);
    queue.attach('a');
    queue.attach('b');
    queue.grant('a', 1);
    takeAll(queue);
    queue.settle('b', 1, 'failed');
    expect(queue.depth()).toEqual({ ready: 0, unsettled: 1 });
    queue.settle('a', 1, 'accepted');
    queue.settle('a', 1, 'failed');
    expect(queue.depth()).toEqual({ ready: 0, unsettled: 0 });
  });
});

describe('expiry', () => {
  it('removes what waited too long, and what comes back too late', () => {
    const queue = queueOf(0);
    queue.put({ headers: {}, bare: Buffer.from('early') }, 100);
    queue.put({ headers: {}, bare: Buffer.from('with a consumer') }, 100);
    queue.put({ headers: {}, bare: Buffer.from('late') }, 500);
    queue.attach('a');
    queue.grant('a', 2);
    takeAll(queue);
    queue.settle('a', 1, 'failed');
    expect(queue.expire(99)).toEqual([]);
    expect(queue.expire(100).map(({ queued }) => queued.seq)).toEqual([1]);
    expect(queue.nextExpiryMs).toBe(500);
    queue.detach('a');
    expect(queue.expire(101).map(({ queued }) => queued.seq)).toEqual([2]);
    expect(queue.depth()).toEqual({ ready: 1, unsettled: 0 });
  });
});

it('a full queue takes no more until there is room again', () => {
  const queue = queueOf(0, { maxQueueSizeInBytes: 1 });
  const half = { headers: {}, bare: Buffer.alloc(524_288) };
  expect([queue.put(half, Infinity), queue.put(half, Infinity), queue.put(half, Infinity)]).toEqual([
    'stored',
    'stored',
    'full',
  ]);
  queue.attach('a');
  queue.grant('a', 1);
  takeAll(queue);
  expect(queue.put(half, Infinity)).toBe('full');
  queue.settle('a', 1, 'accepted');
  expect(queue.put(half, Infinity)).toBe('stored');
});

it('whatever consumers do, no message is lost or doubled, and a lone consumer is served in order after each loss', () => {
  const step = fc.oneof(
    fc.constant('put' as const),
    fc.constant('take' as const),
    fc.record({ settle: fc.nat(20), outcome: fc.constantFrom('accepted' as const, 'failed' as const) }),
    fc.constant('reconnect' as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = queueOf(0, { accessType: 'EXCLUSIVE' });
      const accepted = new Set<number>();
      let put = 0;
      let held: number[] = [];
      queue.attach('a');
      for (const action of steps) {
        if (action === 'put') {
          queue.put({ headers: {}, bare: Buffer.alloc(1) }, Infinity);
          put += 1;
        } else if (action === 'take') {
          queue.grant('a', 3);
          for (const taken of takeAll(queue)) held.push(Number(taken.split(':')[1]));
        } else if (action === 'reconnect') {
          queue.detach('a');
          queue.attach('a');
          held = [];
          const order = queue.messages().map(({ queued }) => queued.seq);
          expect(order).toEqual(order.toSorted((x, y) => x - y));
        } else if (held.length > 0) {
          const [seq] = held.splice(action.settle % held.length, 1);
          queue.settle('a', seq ?? 0, action.outcome);
          if (action.outcome === 'accepted') accepted.add(seq ?? 0);
        }
        const kept = queue.messages().map(({ queued }) => queued.seq);
        expect(kept.length + accepted.size).toBe(put);
        expect(new Set([...kept, ...accepted]).size).toBe(put);
      }
      // Draining takes what is left in the order in which it was put.
      queue.detach('a');
      queue.attach('b');
      queue.grant('b', 1_000);
      const drained = takeAll(queue).map((taken) => Number(taken.split(':')[1]));
      expect(drained).toEqual(drained.toSorted((x, y) => x - y));
      expect(drained.length + accepted.size).toBe(put);
    }),
    { numRuns: 200 },
  );
});
