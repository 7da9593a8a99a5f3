import { expect, test } from 'vitest';
import { Receipts } from '../../../srv/lanes/receipts.ts';
import type { Delivery } from '../../../srv/mesh/port.ts';

/** A delivery on a link, and how often it was accepted. */
function delivery(link: number): Delivery & { accepted: number } {
  return {
    accepted: 0,
    link,
    message: { body: Buffer.alloc(0), properties: {}, deliveryCount: 0 },
    accept() {
      this.accepted += 1;
      return 'settled';
    },
    release: () => 'settled',
    reject: () => 'settled',
  };
}

test('a delivery is accepted once its receipt is settled, not before, and only once', () => {
  const receipts = new Receipts();
  const [first, other] = [delivery(1), delivery(1)];
  receipts.keep('a', first);
  receipts.keep('b', other);
  expect([first.accepted, other.accepted, receipts.size]).toEqual([0, 0, 2]);
  receipts.settle('a');
  receipts.settle('a');
  expect([first.accepted, other.accepted, receipts.size]).toEqual([1, 0, 1]);
});

test("a publisher's duplicate on the same link waits and is settled with the first, and counts until then", () => {
  const receipts = new Receipts();
  const both = [delivery(1), delivery(1)];
  for (const one of both) receipts.keep('a', one);
  expect(receipts.size).toBe(2);
  receipts.settle('a');
  expect(both.map(({ accepted }) => accepted)).toEqual([1, 1]);
});

test('a redelivery on a new link takes the place of what came on the old one', () => {
  const receipts = new Receipts();
  const [old, again] = [delivery(1), delivery(2)];
  receipts.keep('a', old);
  receipts.keep('a', again);
  receipts.settle('a');
  expect([old.accepted, again.accepted]).toEqual([0, 1]);
});

test('with the link gone nothing waits any more, and a late settlement accepts nothing', () => {
  const receipts = new Receipts();
  const lost = delivery(1);
  receipts.keep('a', lost);
  receipts.clear();
  receipts.settle('a');
  expect([receipts.size, lost.accepted]).toEqual([0, 0]);
});

test('settling what is not known does nothing', () => {
  expect(() => new Receipts().settle('a')).not.toThrow();
});
