/** Publishing through the mesh layer against the sandbox's broker, over real sockets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MeshOptions } from '../../srv/mesh/index.ts';
import type { OutgoingMessage, PublishResult } from '../../srv/mesh/port.ts';
import { startSandboxMesh, type SandboxMesh } from '../sandbox/mesh/index.ts';
import { eventually, numbers, rig, webSocketOf, type Rig } from './mesh-parts.ts';

const queue = 'default/territory/sync/outcomes';
const topic = 'default/territory/sync/ce/cx/territory/sync/succeeded/v1';
let sandbox: SandboxMesh;
let rigs: Rig[];

beforeEach(async () => {
  sandbox = await startSandboxMesh({ publishFilters: ['${namespace}/*'] });
  sandbox.createQueue(queue);
  sandbox.subscribe(queue, topic);
  rigs = [];
});

afterEach(async () => {
  await Promise.all(rigs.map(({ mesh }) => mesh.stop()));
  await sandbox.stop();
  for (const { clock, log } of rigs) {
    expect(clock.timers, 'timers left after stop').toBe(0);
    expect(log.defects).toEqual([]);
  }
});

async function open(
  options: Partial<MeshOptions> = {},
  dialect: 'event-mesh' | 'service-bus' = 'event-mesh',
): Promise<Rig> {
  const made = rig({ ...webSocketOf(sandbox), dialect }, options);
  rigs.push(made);
  made.mesh.start();
  await eventually(() => made.mesh.status().state === 'open', 'open');
  return made;
}

function message(body: string, to: OutgoingMessage['to'] = { kind: 'topic', name: topic }): OutgoingMessage {
  return {
    to,
    body: Buffer.from(body),
    contentType: 'application/cloudevents+json',
    messageId: `id-${body}`,
  };
}

const kinds = (results: readonly PublishResult[]): string[] => [...new Set(results.map(({ kind }) => kind))];
const bodies = (): string[] => sandbox.peek(queue).map(({ body }) => body.toString());

describe('confirmed', () => {
  test('a message arrives as it was given, and is accepted only once the broker has it', async () => {
    const { mesh } = await open();
    const properties = { 'cloudEvents:subject': 'Österreich', position: 7, ratio: 0.5 };
    const result = await mesh.publish({ ...message('{}'), correlationId: 'c', properties });
    expect(result).toEqual({ kind: 'accepted' });
    expect(sandbox.peek(queue)).toMatchObject([
      {
        body: Buffer.from('{}'),
        contentType: 'application/cloudevents+json',
        messageId: 'id-{}',
        correlationId: 'c',
        to: `topic:${topic}`,
        properties,
      },
    ]);
  });

  test('1,000 messages to topic and queue are accepted in order over one link', async () => {
    const { mesh } = await open({ maxInFlight: 20, publishTimeoutMs: 10_000 });
    const results = await Promise.all(
      numbers(1_000).map((body, index) =>
        mesh.publish(
          message(body, index % 2 === 0 ? { kind: 'topic', name: topic } : { kind: 'queue', name: queue }),
        ),
      ),
    );
    expect(kinds(results)).toEqual(['accepted']);
    expect(bodies()).toEqual(numbers(1_000));
    expect(sandbox.counters.attaches).toBe(1);
  });

  test('no more than the limit is in flight, no more than the buffer waits, the rest is unconfirmed at once', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 'until-cleared');
    const { mesh } = await open({ maxInFlight: 5, maxBuffered: 3 });
    const first = mesh.publish(message('first'));
    await sandbox.until((mesh) => mesh.counters.attaches === 1, 5_000);
    const results = await Promise.all(numbers(12).map((body) => mesh.publish(message(body))));
    expect(results.filter(({ kind }) => kind === 'unconfirmed')).toHaveLength(12);
    expect(
      results.filter((result) => 'reason' in result && result.reason.includes('too many')).length,
    ).toBeGreaterThan(3);
    expect((await first).kind).toBe('unconfirmed');
  });

  test('once answers come again, a link on which nothing was answered has been replaced', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 5);
    const { mesh } = await open({ maxInFlight: 5, publishTimeoutMs: 100 });
    expect(kinds(await Promise.all(numbers(5).map((body) => mesh.publish(message(body)))))).toEqual([
      'unconfirmed',
    ]);
    let accepted = false;
    await eventually(() => {
      void mesh.publish(message('again')).then(({ kind }) => (accepted ||= kind === 'accepted'));
      return accepted;
    }, 'accepted again');
    expect(sandbox.counters.connectionsAccepted).toBe(1);
  });
});

describe('refused or unconfirmed', () => {
  test('a topic that the rules do not allow is refused, with the topic and the rule to add', async () => {
    const { mesh } = await open();
    const result = await mesh.publish(message('x', { kind: 'topic', name: 'foreign/topic/of/others' }));
    expect(result).toMatchObject({ kind: 'refused', condition: 'amqp:not-allowed' });
    expect(JSON.stringify(result)).toMatch(/foreign\/topic\/of\/others.*topicRules\.publishFilter/u);
    expect(await mesh.publish(message('y'))).toEqual({ kind: 'accepted' });
  });

  test('a message larger than the mesh takes is refused, the next one is accepted', async () => {
    const { mesh } = await open();
    const result = await mesh.publish(message('x'.repeat(1_100_000)));
    expect(result).toMatchObject({ kind: 'refused', condition: 'amqp:link:message-size-exceeded' });
    expect(await mesh.publish(message('y'))).toEqual({ kind: 'accepted' });
  });

  test.each(['amqp:resource-limit-exceeded', 'amqp:internal-error', 'com.microsoft:server-busy'])(
    'a rejection for a passing reason may be sent again: %s',
    async (condition) => {
      sandbox.faults.answerPublishes({ kind: 'rejected', condition }, 1);
      const { mesh } = await open();
      expect(await mesh.publish(message('x'))).toMatchObject({ kind: 'unconfirmed' });
    },
  );

  test.each(['released', 'modified'] as const)('what the broker %s is unconfirmed', async (kind) => {
    sandbox.faults.answerPublishes({ kind }, 1);
    const { mesh } = await open();
    expect(await mesh.publish(message('x'))).toMatchObject({ kind: 'unconfirmed' });
    expect(await mesh.publish(message('y'))).toEqual({ kind: 'accepted' });
  });

  test('what is not answered in time is unconfirmed', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'stored' }, 1);
    const { mesh } = await open({ publishTimeoutMs: 150 });
    expect(await mesh.publish(message('x'))).toMatchObject({
      kind: 'unconfirmed',
      reason: 'no confirmation within 150 ms',
    });
    expect(await mesh.publish(message('y'))).toEqual({ kind: 'accepted' });
  });

  test('when the connection is lost, what is pending is unconfirmed at once and never sent behind our back', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 'until-cleared');
    const { mesh } = await open({ publishTimeoutMs: 60_000, maxInFlight: 3 });
    const pending = numbers(10).map((body) => mesh.publish(message(body)));
    await sandbox.until((mesh) => mesh.counters.attaches === 1, 5_000);
    sandbox.faults.clearFaults();
    sandbox.faults.dropConnections();
    expect(kinds(await Promise.all(pending))).toEqual(['unconfirmed']);
    await eventually(() => mesh.status().state === 'open', 'open again');
    expect(await mesh.publish(message('new'))).toEqual({ kind: 'accepted' });
    expect(bodies()).toEqual(['new']);
  });

  test('without a connection the answer is unconfirmed, and says why there is none', async () => {
    sandbox.faults.refuseUpgrades(401, 'until-cleared');
    const made = rig(webSocketOf(sandbox));
    rigs.push(made);
    expect(await made.mesh.publish(message('x'))).toMatchObject({ kind: 'unconfirmed' });
    made.mesh.start();
    await eventually(() => made.mesh.status().state === 'waiting', 'waiting');
    expect(JSON.stringify(await made.mesh.publish(message('x')))).toMatch(/unconfirmed.*401/u);
  });

  test.each([
    ['a detach', () => sandbox.faults.detachLinks('amqp:link:detach-forced', 'publishers')],
    ['the end of its session', () => sandbox.faults.endSessions('amqp:internal-error')],
  ])(
    'after %s of the link what was sent is unconfirmed, and publishing goes on by itself',
    async (_name, fault) => {
      const { mesh } = await open();
      expect(await mesh.publish(message('0'))).toEqual({ kind: 'accepted' });
      sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 1);
      const sent = mesh.publish(message('sent'));
      // A message behind it on the same link is answered: so the first has reached the broker.
      expect(await mesh.publish(message('1'))).toEqual({ kind: 'accepted' });
      fault();
      // The library's own word, when a link ends, would have been "given back".
      const reason = expect.stringContaining('the link was ended') as string;
      expect(await sent).toMatchObject({ kind: 'unconfirmed', reason });
      expect(await mesh.publish(message('2'))).toEqual({ kind: 'accepted' });
      expect(bodies()).toEqual(['0', '1', '2']);
      expect(sandbox.counters.connectionsAccepted).toBe(1);
    },
  );

  test('what cannot be encoded is refused here and does not cost the connection', async () => {
    const { mesh } = await open();
    const odd = await Promise.all([
      mesh.publish({ ...message('x'), contentType: 'täxt' }),
      mesh.publish({ ...message('x'), properties: { n: Number.NaN } }),
      mesh.publish(message('x', { kind: 'topic', name: '' })),
    ]);
    expect(kinds(odd)).toEqual(['refused']);
    expect(sandbox.counters.connectionsAccepted).toBe(1);
  });
});

describe('one link per target', () => {
  test('a target that is refused does not hold up the others', async () => {
    // The sandbox speaks Event Mesh's addresses: they are given as names to a dialect that uses names as they are.
    const { mesh } = await open({}, 'service-bus');
    const good = { kind: 'topic', name: `topic:${topic}` } as const;
    const results = await Promise.all([
      mesh.publish(message('0', good)),
      mesh.publish(message('1', { kind: 'topic', name: 'topic:foreign/topic/of/others' })),
      mesh.publish(message('2', good)),
    ]);
    expect(results).toMatchObject([{ kind: 'accepted' }, { kind: 'refused' }, { kind: 'accepted' }]);
    expect(bodies()).toEqual(['0', '2']);
    expect(sandbox.counters.attaches).toBeGreaterThanOrEqual(2);
  });

  test('messages to several targets that are never answered keep no places from others', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 4);
    const { mesh } = await open({ maxInFlight: 4, publishTimeoutMs: 100 }, 'service-bus');
    const to = (name: string) => ({ kind: 'topic', name: `topic:${sandbox.namespace}/${name}` }) as const;
    const lost = await Promise.all(
      numbers(4).map((body) => mesh.publish(message(body, to(`t${Number(body) % 2}`)))),
    );
    expect(kinds(lost)).toEqual(['unconfirmed']);
    let accepted = false;
    await eventually(() => {
      void mesh.publish(message('again', to('other'))).then(({ kind }) => (accepted ||= kind === 'accepted'));
      return accepted;
    }, 'accepted');
    expect(sandbox.counters.connectionsAccepted).toBe(1);
  });

  test('the number of links is limited: one that has nothing to do makes room', async () => {
    const { mesh } = await open({ maxRoutes: 2 }, 'service-bus');
    for (const name of numbers(5)) {
      const to = { kind: 'topic', name: `topic:${sandbox.namespace}/t${name}` } as const;
      expect(await mesh.publish(message(name, to))).toEqual({ kind: 'accepted' });
    }
    expect(sandbox.counters.attaches).toBe(5);
  });
});

describe('stop', () => {
  test('what is pending gets its confirmation first', async () => {
    const { mesh } = await open();
    const pending = numbers(50).map((body) => mesh.publish(message(body)));
    await mesh.stop();
    expect(kinds(await Promise.all(pending))).toEqual(['accepted']);
    expect(bodies()).toEqual(numbers(50));
    expect(await mesh.publish(message('late'))).toMatchObject({ kind: 'unconfirmed' });
  });

  test('a confirmation that does not come holds the stop up only for its limit', async () => {
    sandbox.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 1);
    const { mesh, clock } = await open({ publishTimeoutMs: 60_000, drainTimeoutMs: 100 });
    const pending = mesh.publish(message('x'));
    await sandbox.until((mesh) => mesh.counters.attaches === 1, 5_000);
    const startMs = clock.monotonicMs();
    await mesh.stop();
    expect(clock.monotonicMs() - startMs).toBeLessThan(2_000);
    expect(await pending).toMatchObject({ kind: 'unconfirmed' });
  });
});
