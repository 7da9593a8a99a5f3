import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReceiveWindow, weightOf } from '../../../srv/mesh/receive-window.ts';

const MB = 1_048_576;

describe('the receive window', () => {
  test('counts messages where they are small', () => {
    const window = new ReceiveWindow({ messages: 3, bytes: 100 * MB });
    expect(window.allowance()).toBe(3);
    window.received(10);
    expect(window.allowance()).toBe(2);
    window.settled(10);
    expect(window).toMatchObject({ messages: 0, bytes: 0 });
    expect(window.allowance()).toBe(3);
  });

  test('without a limit of bytes is one of messages alone', () => {
    const window = new ReceiveWindow({ messages: 10, bytes: Infinity });
    window.received(500 * MB);
    expect(window.allowance()).toBe(9);
    expect(window.portion).toBe(2.5);
  });

  test('lets a message beyond the limit come, and nothing beside it', () => {
    const window = new ReceiveWindow({ messages: 10, bytes: MB / 2 });
    expect(window.allowance()).toBe(1);
    window.received(5 * MB);
    expect(window.allowance()).toBe(0);
    window.settled(5 * MB);
    expect(window.allowance()).toBe(1);
  });

  test('reserves more after a large message, and less again after many small ones', () => {
    const window = new ReceiveWindow({ messages: 1_000, bytes: 64 * MB });
    window.received(16 * MB);
    window.settled(16 * MB);
    expect(window.allowance()).toBe(4);
    for (let count = 0; count < 200; count++) {
      window.received(100);
      window.settled(100);
    }
    expect(window.allowance()).toBe(64);
  });

  test('whatever is received within its allowance, neither limit is exceeded by messages of 1 MiB and less', () => {
    const step = fc.record({ take: fc.nat(40), bytes: fc.nat(MB), settle: fc.nat(60) });
    const limits = fc.record({
      messages: fc.integer({ min: 1, max: 100 }),
      bytes: fc.integer({ min: 2 * MB, max: 40 * MB }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 50 }), (given, steps) => {
        const window = new ReceiveWindow(given);
        const open: number[] = [];
        for (const { take, bytes, settle } of steps) {
          for (let left = Math.min(take, window.allowance()); left > 0; left--) {
            window.received(bytes);
            open.push(bytes);
          }
          expect(window.messages).toBeLessThanOrEqual(given.messages);
          expect(window.bytes).toBeLessThanOrEqual(given.bytes);
          for (const settled of open.splice(0, settle)) window.settled(settled);
        }
        open.forEach((bytes) => window.settled(bytes));
        expect(window).toMatchObject({ messages: 0, bytes: 0 });
        expect(window.allowance()).toBeGreaterThan(0);
      }),
    );
  });
});

test('a message weighs what its body and its application properties do', () => {
  const message = {
    body: Buffer.alloc(100),
    properties: { name: 'x'.repeat(50), count: 7 },
    deliveryCount: 0,
  };
  expect(weightOf(message)).toBe(100 + 4 + 50 + 5 + 8);
});
