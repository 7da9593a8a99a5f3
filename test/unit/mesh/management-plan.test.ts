import { describe, expect, it } from 'vitest';

import type { QueueProperties, Requirement } from '../../../srv/mesh/management/administration.ts';
import { compare, propertiesFor } from '../../../srv/mesh/management/comparison.ts';
import { eventMeshBase } from '../../../srv/mesh/management/event-mesh.ts';
import { eventMeshRequirements } from '../../../srv/mesh/management/event-mesh-queue.ts';
import { planQueues } from '../../../srv/mesh/management/plan.ts';
import { bindingKey } from '../../../srv/mesh/management/rabbitmq.ts';
import { rabbitRequirements } from '../../../srv/mesh/management/rabbitmq-queue.ts';

const settings = {
  mesh: {
    queue: 'a/b/c/changes',
    deadLetterQueue: 'a/b/c/deadletter',
    subscriptions: ['+/+/+/ce/x/v1', 'a/b/*', '+/+/+/ce/x/v1'],
    queueTtlS: 604_800,
  },
  intake: { window: 1_500 },
  retention: { deadLetterDays: 7 },
};
const plan = planQueues(settings);

function names(requirements: readonly Requirement[]): readonly string[] {
  return requirements.map(({ property }) => property);
}

describe('the plan', () => {
  it('gives the work queue the dead-letter queue, the TTL and the window of the settings', () => {
    expect(plan.work).toEqual({
      name: 'a/b/c/changes',
      role: 'work',
      ttlS: 604_800,
      unsettled: 1_500,
      deadLetterQueue: 'a/b/c/deadletter',
    });
  });

  it('keeps dead letters as long as the retention says, at most the 30 days that brokers can', () => {
    expect(plan.deadLetters).toEqual({
      name: 'a/b/c/deadletter',
      role: 'dead-letter',
      ttlS: 604_800,
      unsettled: 1_000,
    });
    expect(planQueues({ ...settings, retention: { deadLetterDays: 90 } }).deadLetters.ttlS).toBe(2_592_000);
  });

  it('names each topic once', () => {
    expect(plan.subscriptions).toEqual(['+/+/+/ce/x/v1', 'a/b/*']);
  });
});

describe('a queue on SAP Event Mesh', () => {
  const work = eventMeshRequirements(plan.work);
  const right: QueueProperties = {
    accessType: 'EXCLUSIVE',
    maxRedeliveryCount: 0,
    deadMsgQueue: 'a/b/c/deadletter',
    maxTtl: 604_800,
    maxDeliveredUnackedMsgsPerFlow: 10_000,
  };

  it('is created exclusive, without a redelivery limit, with a TTL, a dead-letter queue and room for the window', () => {
    expect(propertiesFor(work)).toEqual({ ...right, maxDeliveredUnackedMsgsPerFlow: 1_500 });
  });

  it('of dead letters names no other queue', () => {
    expect(propertiesFor(eventMeshRequirements(plan.deadLetters))).toEqual({
      accessType: 'EXCLUSIVE',
      maxRedeliveryCount: 0,
      maxTtl: 604_800,
      maxDeliveredUnackedMsgsPerFlow: 1_000,
    });
  });

  it('is left alone where it is right, and where it delivers more than the window', () => {
    expect(compare(work, right)).toEqual({ changeable: [], fixed: [], unseen: [] });
  });

  it.each([
    ['maxRedeliveryCount', 5],
    ['deadMsgQueue', 'another'],
    ['maxTtl', 0],
    ['maxDeliveredUnackedMsgsPerFlow', 1_499],
  ])('with another %s is changed in that only', (property, value) => {
    const { changeable, fixed } = compare(work, { ...right, [property]: value });
    expect(names(changeable)).toEqual([property]);
    expect(fixed).toEqual([]);
  });

  it('without a dead-letter queue gets one', () => {
    const { deadMsgQueue: _, ...without } = right;
    expect(names(compare(work, without).changeable)).toEqual(['deadMsgQueue']);
  });

  it('that is not exclusive cannot be changed, only named; of dead letters it may be so', () => {
    const shared = { ...right, accessType: 'NON_EXCLUSIVE' };
    expect(names(compare(work, shared).fixed)).toEqual(['accessType']);
    expect(compare(eventMeshRequirements(plan.deadLetters), shared).fixed).toEqual([]);
  });

  it('whose description leaves a property out is not taken for wrong', () => {
    const { accessType: _, maxTtl: __, ...older } = right;
    const { changeable, fixed, unseen } = compare(work, older);
    expect([changeable, fixed]).toEqual([[], []]);
    expect(names(unseen)).toEqual(['accessType', 'maxTtl']);
  });

  it.each([
    ['https://hub.example.com', 'https://hub.example.com/hub/rest/api/v1/management/messaging'],
    ['https://hub.example.com/', 'https://hub.example.com/hub/rest/api/v1/management/messaging'],
    ['https://x.example.com/sap-event-mesh/rest/api/v1/', 'https://x.example.com/sap-event-mesh/rest/api/v1'],
  ])('is managed below the base of its product: %s', (uri, base) => {
    expect(eventMeshBase(uri)).toBe(base);
  });
});

describe('a queue on RabbitMQ', () => {
  const version3 = rabbitRequirements(plan.work, 'none-by-default');
  const right: QueueProperties = {
    durable: true,
    'x-queue-type': 'quorum',
    'x-single-active-consumer': true,
    'x-message-ttl': 604_800_000,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'a/b/c/deadletter',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };

  it('is a durable quorum queue with a single active consumer; what expires is moved, confirmed, to the dead letters', () => {
    expect(propertiesFor(version3)).toEqual(right);
  });

  it('has no delivery limit: in 3.x by having none, in 4.x, where none means 20, by −1', () => {
    const version4 = rabbitRequirements(plan.work, 'none-by-minus-one');
    expect(propertiesFor(version4)).toEqual({ ...right, 'x-delivery-limit': -1 });
    expect(names(compare(version4, right).fixed)).toEqual(['x-delivery-limit']);
    expect(names(compare(version3, { ...right, 'x-delivery-limit': 20 }).fixed)).toEqual([
      'x-delivery-limit',
    ]);
  });

  it('without end of life has no TTL', () => {
    const endless = rabbitRequirements({ ...plan.work, ttlS: 0 }, 'none-by-default');
    expect(propertiesFor(endless)).not.toHaveProperty('x-message-ttl');
    expect(names(compare(endless, right).fixed)).toEqual(['x-message-ttl']);
  });

  it.each([
    ['x-queue-type', 'classic'],
    ['durable', false],
    ['x-single-active-consumer', undefined],
    ['x-dead-letter-routing-key', 'another'],
  ])('with another %s cannot be changed, only named', (property, value) => {
    const { changeable, fixed } = compare(version3, { ...right, [property]: value } as QueueProperties);
    expect(names(fixed)).toEqual([property]);
    expect(changeable).toEqual([]);
  });

  it.each([
    ['+/+/+/ce/cx/territory/v1', '*.*.*.ce.cx.territory.v1'],
    ['a/b/*', 'a.b.#'],
    ['*', '#'],
    ['a/+', 'a.*'],
  ])('is bound to the topic %s by the key %s', (topic, key) => {
    expect(bindingKey(topic)).toBe(key);
  });
});
