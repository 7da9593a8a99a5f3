import { describe, expect, it } from 'vitest';

import type { QueueAdministration, QueueProperties } from '../../../srv/mesh/management/administration.ts';
import { eventMeshRequirements } from '../../../srv/mesh/management/event-mesh-queue.ts';
import { examineQueues, inspectQueue } from '../../../srv/mesh/management/inspection.ts';
import { planQueues } from '../../../srv/mesh/management/plan.ts';
import { ManagementError } from '../../../srv/mesh/management/problem.ts';
import { isSound, reportLines } from '../../../srv/mesh/management/report.ts';
import { setupQueues } from '../../../srv/mesh/management/setup.ts';

const plan = planQueues({
  mesh: { queue: 'work', deadLetterQueue: 'dead', subscriptions: ['+/+/+/ce/x/v1', 'a/b/*'], queueTtlS: 60 },
  intake: { window: 100 },
  retention: { deadLetterDays: 1 },
});

/** An Event Mesh in memory that writes down what it was asked for. */
class Product implements QueueAdministration {
  readonly product = 'the product';
  readonly exclusive = { property: 'accessType', value: 'EXCLUSIVE', unshown: 'unknown' } as const;
  readonly remedy = 'delete it';
  readonly requirements = eventMeshRequirements;
  readonly pattern = (topic: string) => topic;
  readonly calls: string[] = [];
  readonly queues = new Map<string, QueueProperties>();
  readonly topics = new Map<string, Set<string>>();
  /** Refused when set, with these words. */
  refused: ReadonlyMap<string, string> = new Map();
  /** Accepted and not kept. */
  ignored: readonly string[] = [];
  hidden: readonly string[] = [];

  async ready(): Promise<void> {
    this.calls.push('ready');
  }
  async get(queue: string): Promise<QueueProperties | undefined> {
    const properties = this.queues.get(queue);
    return properties && without(properties, this.hidden);
  }
  async put(queue: string, properties: QueueProperties): Promise<void> {
    this.calls.push(`put ${queue}`);
    const refused = Object.keys(properties).find((name) => this.refused.has(name));
    if (refused !== undefined) {
      throw new ManagementError('MANAGEMENT_REFUSED', 'no', { said: this.refused.get(refused) ?? '' });
    }
    // The worst that an API may do with a PUT: what is not in it is gone.
    this.queues.set(queue, without(properties, this.ignored));
    if (!this.topics.has(queue)) this.topics.set(queue, new Set());
  }
  async subscriptions(queue: string): Promise<readonly string[]> {
    return [...(this.topics.get(queue) ?? [])];
  }
  async addSubscription(queue: string, pattern: string): Promise<void> {
    this.calls.push(`add ${pattern}`);
    this.topics.get(queue)?.add(pattern);
  }
  async removeSubscription(queue: string, pattern: string): Promise<void> {
    this.calls.push(`remove ${pattern}`);
    this.topics.get(queue)?.delete(pattern);
  }
}

function without(properties: QueueProperties, names: readonly string[]): QueueProperties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}

const run = (administration: Product, obsolete: 'keep' | 'remove' = 'keep') =>
  setupQueues(plan, { administration, obsolete });

describe('the set-up of the queues', () => {
  it('waits for the API, creates the dead-letter queue, then the work queue that names it, then the subscriptions', async () => {
    const product = new Product();
    const report = await run(product);
    expect(product.calls).toEqual(['ready', 'put dead', 'put work', 'add +/+/+/ce/x/v1', 'add a/b/*']);
    expect(product.queues.get('work')).toMatchObject({
      accessType: 'EXCLUSIVE',
      deadMsgQueue: 'dead',
      maxTtl: 60,
    });
    expect(report.queues.map(({ action }) => action)).toEqual(['created', 'created']);
    expect(report.subscriptions.map(({ action }) => action)).toEqual(['added', 'added']);
    expect(isSound(report)).toBe(true);
  });

  it('changes nothing the second time', async () => {
    const product = new Product();
    await run(product);
    product.calls.length = 0;
    const report = await run(product);
    expect(product.calls).toEqual(['ready']);
    expect(report.queues.map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
    expect(reportLines(report).every(({ kind }) => kind === 'unchanged')).toBe(true);
  });

  it('changes what can be changed, and leaves what else the queue has as it is', async () => {
    const product = new Product();
    await run(product);
    product.queues.set('work', {
      ...product.queues.get('work'),
      maxRedeliveryCount: 9,
      maxMessageSizeInBytes: 5,
    });
    const report = await run(product);
    expect(report.queues[1]).toMatchObject({
      action: 'changed',
      set: { maxRedeliveryCount: 0 },
      differences: [],
    });
    expect(product.queues.get('work')).toMatchObject({ maxRedeliveryCount: 0, maxMessageSizeInBytes: 5 });
  });

  it('names what cannot be changed: what it is, what it should be, why and what to do', async () => {
    const product = new Product();
    await run(product);
    product.queues.set('work', {
      ...product.queues.get('work'),
      accessType: 'NON_EXCLUSIVE',
      maxRedeliveryCount: 9,
    });
    const report = await run(product);
    // The rest is changed all the same, and without touching the access type.
    expect(product.queues.get('work')).toMatchObject({ accessType: 'NON_EXCLUSIVE', maxRedeliveryCount: 0 });
    expect(isSound(report)).toBe(false);
    expect(reportLines(report).filter(({ kind }) => kind === 'problem')).toEqual([
      {
        kind: 'problem',
        text: 'queue work: accessType is NON_EXCLUSIVE, should be EXCLUSIVE: otherwise several instances would receive in turn, and the order within a territory would be lost; delete it',
      },
    ]);
  });

  it.each([
    ['named', 'Unrecognized field "maxTtl"'],
    ['not named', 'Bad Request'],
  ])('goes on without a property that the product refuses, %s, and reports it', async (_how, said) => {
    const product = new Product();
    product.refused = new Map([['maxTtl', said]]);
    const report = await run(product);
    expect(product.queues.get('work')).toMatchObject({ accessType: 'EXCLUSIVE', deadMsgQueue: 'dead' });
    expect(report.queues[1]?.differences[0]).toMatchObject({
      property: 'maxTtl',
      is: null,
      shouldBe: 60,
      weight: 'wanted',
    });
    expect(isSound(report)).toBe(true);
  });

  it('does not go on without a property that a guarantee hangs on', async () => {
    const product = new Product();
    product.refused = new Map([['accessType', 'accessType is not allowed here, nor is maxTtl']]);
    await expect(run(product)).rejects.toMatchObject({ code: 'MANAGEMENT_REFUSED' });
    expect(product.queues.size).toBe(0);
  });

  it('reports what the product accepted and did not keep', async () => {
    const product = new Product();
    product.ignored = ['deadMsgQueue'];
    const report = await run(product);
    expect(report.queues[1]?.differences).toMatchObject([
      { property: 'deadMsgQueue', is: null, shouldBe: 'dead' },
    ]);
    expect(report.queues[1]?.set).not.toHaveProperty('deadMsgQueue');
    expect(isSound(report)).toBe(false);
  });

  it('sends what an existing queue does not show, lest it gets lost, and says that nobody can see it', async () => {
    const product = new Product();
    product.hidden = ['accessType', 'maxRedeliveryCount'];
    expect((await run(product)).queues[1]?.unseen).toEqual([]);
    product.queues.set('work', { ...product.queues.get('work'), maxRedeliveryCount: 9 });
    const report = await run(product);
    expect(report.queues[1]).toMatchObject({ action: 'unchanged', set: {}, differences: [] });
    expect(report.queues[1]?.unseen).toEqual(['accessType', 'maxRedeliveryCount']);
    expect(product.queues.get('work')).toMatchObject({ accessType: 'EXCLUSIVE', maxRedeliveryCount: 0 });
  });

  it('names obsolete subscriptions and removes them only when told to', async () => {
    const product = new Product();
    await run(product);
    product.topics.get('work')?.add('old/topic');
    const kept = await run(product);
    expect(kept.subscriptions.filter(({ action }) => action === 'obsolete')).toMatchObject([
      { pattern: 'old/topic' },
    ]);
    expect(product.topics.get('work')).toContain('old/topic');
    const pruned = await run(product, 'remove');
    expect(pruned.subscriptions.filter(({ action }) => action === 'removed')).toMatchObject([
      { pattern: 'old/topic' },
    ]);
    expect([...(product.topics.get('work') ?? [])]).toEqual(['+/+/+/ce/x/v1', 'a/b/*']);
  });
});

describe('the inspection of the queues', () => {
  it('finds what a set-up would do, and does nothing', async () => {
    const product = new Product();
    expect((await examineQueues(plan, product)).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^queue dead does not exist: create it with "territory-sync mesh setup"/),
      expect.stringMatching(/^queue work does not exist/),
    ]);
    await run(product);
    expect(await examineQueues(plan, product)).toEqual([]);

    product.queues.set('work', { ...product.queues.get('work'), accessType: 'NON_EXCLUSIVE', maxTtl: 1 });
    product.topics.get('work')?.delete('a/b/*');
    product.calls.length = 0;
    expect(await examineQueues(plan, product)).toMatchObject([
      {
        kind: 'problem',
        text: expect.stringMatching(/accessType is NON_EXCLUSIVE.*; delete it$/) as unknown,
      },
      { kind: 'notice', text: expect.stringMatching(/maxTtl is 1.*mesh setup" changes it$/) as unknown },
      { kind: 'problem', text: expect.stringContaining('not subscribed to a/b/*') as unknown },
    ]);
    expect(product.calls).toEqual(['ready']);
  });

  it('tells an exclusive queue from one that is shared, missing, or not shown', async () => {
    const product = new Product();
    const inspect = async () => (await inspectQueue('work', product)).kind;
    expect(await inspect()).toBe('missing');
    product.queues.set('work', { accessType: 'EXCLUSIVE' });
    expect(await inspect()).toBe('exclusive');
    product.queues.set('work', { accessType: 'NON_EXCLUSIVE' });
    expect(await inspect()).toBe('not-exclusive');
    product.hidden = ['accessType'];
    expect(await inspect()).toBe('unknown');
  });
});
