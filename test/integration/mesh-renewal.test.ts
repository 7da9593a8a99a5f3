/** The mesh layer exchanges its connection before the token ends, against the sandbox's broker over real sockets. */
import { expect, test } from 'vitest';
import type { MeshStatus } from '../../srv/mesh/port.ts';
import { eventually, numbers } from './mesh-parts.ts';
import { sandboxStage, type Receiving } from './mesh-stage.ts';

const stage = sandboxStage();
const { queue, receiving, fill } = stage;

/** Tokens good for so long are renewed at half of it. */
const LIFE_S = 2.4;
const shortLived = { tokenLifetimeS: LIFE_S, tcp: {} };

function watched({ mesh, clock }: Receiving): { state: MeshStatus['state']; atMs: number }[] {
  const seen: { state: MeshStatus['state']; atMs: number }[] = [];
  mesh.onStateChange(({ state }) => void seen.push({ state, atMs: clock.monotonicMs() }));
  return seen;
}

test('under load nothing is lost, rejected or delivered twice, and the peer never has to end the connection', async () => {
  await stage.replaceSandbox({ ...shortLived, atTokenExpiry: 'close' });
  const made = receiving(50);
  const { inbox, clock, log } = made;
  const seen = watched(made);
  const attachedAtMs: number[] = [];
  inbox.attached = () => void attachedAtMs.push(clock.monotonicMs());
  inbox.onDelivery = (delivery) => {
    // Settled a little later, as behind a journal.
    setImmediate(() => delivery.accept());
  };
  let fed = 0;
  await eventually(() => {
    fill(5, fed);
    fed += 5;
    return attachedAtMs.length >= 4;
  }, 'three renewals');
  await stage.sandbox.until((mesh) => mesh.depth(queue).ready + mesh.depth(queue).unsettled === 0, 5_000);

  expect(inbox.texts).toEqual(numbers(fed));
  expect(stage.sandbox.counters).toMatchObject({
    acceptances: fed,
    redeliveries: 0,
    lostDeliveries: 0,
    rejections: 0,
    maxUpgradesWaiting: 1,
  });
  expect(log.failures).toEqual([]);
  const story = seen.map(({ state }) => state).join(' ');
  expect(story).toMatch(/^open( renewing connecting open){3}/u);
  const gapsMs = seen
    .filter(({ state }) => state === 'renewing')
    .flatMap(({ atMs }) => attachedAtMs.find((attached) => attached > atMs) ?? [])
    .map(
      (attached, index) => attached - (seen.filter(({ state }) => state === 'renewing')[index]?.atMs ?? 0),
    );
  const gaps = gapsMs.map((gapMs) => gapMs.toFixed(1)).join(', ');
  console.log(`Renewal: ${fed} messages, time without a receiver ${gaps} ms`);
  expect(Math.max(...gapsMs)).toBeLessThan(2_000);
});

test.each([
  ['down', { kind: 'down' }],
  ['slow', { kind: 'hang' }],
  ['refusing', { kind: 'status', status: 401 }],
  ['no token endpoint', { kind: 'not-json' }],
] as const)(
  'while the token endpoint is %s the connection is kept; later it is renewed',
  async (_name, fault) => {
    await stage.replaceSandbox(shortLived);
    const made = receiving(10);
    const seen = watched(made);
    await eventually(() => made.inbox.events.includes('attached 1'), 'attached');
    stage.sandbox.faults.tokenEndpoint(fault, 2);
    const asked = stage.sandbox.counters.tokenRequests;
    await stage.sandbox.until((mesh) => mesh.counters.tokenRequests >= asked + 2, 8_000);
    fill(3);
    await eventually(() => made.inbox.deliveries.length === 3, 'deliveries go on');
    expect(seen.map(({ state }) => state)).toEqual(['open']);
    made.inbox.deliveries.forEach((delivery) => delivery.accept());
    await eventually(() => made.inbox.events.includes('attached 2'), 'renewed in the end');
    expect(made.inbox.events).toEqual(['attached 1', 'lost 1', 'attached 2']);
    expect(made.log.failures).toEqual([]);
    expect(made.log.lines.filter(({ message }) => message.includes('is kept'))).not.toEqual([]);
  },
);

test('what the broker sends before it knows of the renewal is settled first as well', async () => {
  await stage.replaceSandbox(shortLived);
  const { inbox, mesh } = receiving(50);
  inbox.onDelivery = (delivery) => {
    setImmediate(() => delivery.accept());
  };
  let fed = 0;
  mesh.onStateChange(({ state }) => {
    if (state !== 'renewing') return;
    // The broker has credit left, and delivers these at once.
    fill(5, fed);
    fed += 5;
  });
  await eventually(() => inbox.events.includes('attached 3'), 'two renewals');
  await stage.sandbox.until((sandbox) => sandbox.counters.acceptances === fed, 5_000);
  expect(fed).toBeGreaterThanOrEqual(10);
  expect(inbox.texts).toEqual(numbers(fed));
  expect(stage.sandbox.counters).toMatchObject({ redeliveries: 0, lostDeliveries: 0 });
});

test('what stays unsettled is not waited for long: it goes back and comes again in order', async () => {
  await stage.replaceSandbox(shortLived);
  const { inbox } = receiving(5);
  fill(8);
  await eventually(() => inbox.deliveries.length === 5, 'a full window');
  inbox.deliveries[0]?.accept();
  await eventually(() => inbox.events.includes('attached 2'), 'renewed');
  await eventually(() => inbox.deliveries.length >= 11, 'a full window again');
  expect(inbox.texts.slice(6, 11)).toEqual(numbers(5, 1));
  expect(stage.sandbox.counters).toMatchObject({ acceptances: 1, rejections: 0, releases: 0 });
});

test('what is published around a renewal is confirmed, or said to be not confirmed, never left without an answer', async () => {
  await stage.replaceSandbox(shortLived);
  const made = receiving(10);
  const seen = watched(made);
  const kinds = new Set<string>();
  let open = 0;
  await eventually(() => {
    if (open < 20 && made.mesh.status().state !== 'connecting') {
      open++;
      const to = { kind: 'topic', name: 'a/b' } as const;
      void made.mesh.publish({ to, body: Buffer.from('x'), contentType: 'text/plain' }).then(({ kind }) => {
        open--;
        kinds.add(kind);
      });
    }
    return seen.filter(({ state }) => state === 'open').length >= 3;
  }, 'two renewals');
  await eventually(() => open === 0, 'an answer to each');
  expect(kinds).toContain('accepted');
  expect(kinds).not.toContain('refused');
});

test('stop in the middle of a renewal ends it', async () => {
  await stage.replaceSandbox(shortLived);
  const made = receiving(10);
  fill(1);
  // Left unsettled, so that the renewal waits for it.
  await eventually(() => made.mesh.status().state === 'renewing', 'renewing');
  await made.mesh.stop();
  expect(made.mesh.status().state).toBe('stopped');
  await stage.sandbox.until((mesh) => mesh.counters.connections === 0, 5_000);
  expect(stage.sandbox.depth(queue)).toEqual({ ready: 1, unsettled: 0 });
});
