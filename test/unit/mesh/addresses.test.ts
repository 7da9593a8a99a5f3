import { describe, expect, test } from 'vitest';
import {
  keepsCountOfCredit,
  receiveAddress,
  sendAddress,
  sendsAnonymously,
} from '../../../srv/mesh/addresses.ts';
import { DIALECTS } from '../../../srv/mesh/dialects.ts';

const queue = 'my/ns/terr/changes';
const topic = 'my/ns/terr/ce/sync/v1';

describe('addresses', () => {
  test.each([
    ['event-mesh', `queue:${queue}`, `topic:${topic}`],
    ['rabbitmq', '/amq/queue/my%2Fns%2Fterr%2Fchanges', '/topic/my.ns.terr.ce.sync.v1'],
    ['rabbitmq-4', '/queues/my%2Fns%2Fterr%2Fchanges', '/exchanges/amq.topic/my.ns.terr.ce.sync.v1'],
    ['service-bus', queue, topic],
    ['solace', `queue://${queue}`, `topic://${topic}`],
  ] as const)('%s spells a queue for receiving and sending, and a topic, in its own way', (dialect, q, t) => {
    expect(receiveAddress(dialect, queue)).toBe(q);
    expect(sendAddress(dialect, { kind: 'queue', name: queue })).toBe(q);
    expect(sendAddress(dialect, { kind: 'topic', name: topic })).toBe(t);
  });

  test('what a name may hold besides is encoded where the address is a path', () => {
    expect(receiveAddress('rabbitmq', 'a b%ü')).toBe('/amq/queue/a%20b%25%C3%BC');
    expect(sendAddress('rabbitmq-4', { kind: 'topic', name: 'a/b c' })).toBe('/exchanges/amq.topic/a.b%20c');
  });

  test('only where it is known to work is one sender used for all targets, and credit raised in flight', () => {
    expect(DIALECTS.filter(sendsAnonymously)).toEqual(['event-mesh']);
    expect(DIALECTS.filter((dialect) => !keepsCountOfCredit(dialect))).toEqual(['rabbitmq']);
  });
});
