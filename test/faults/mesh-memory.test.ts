/**
 * The mesh layer keeps nothing of connections and messages that are gone: over 1,000 reconnects and over 200,000 messages, its process
 * weighed after forced collections. SHORT=1: 150 and 30,000.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { webSocketOf } from '../integration/mesh-parts.ts';
import { startSandboxMesh, type SandboxMesh } from '../sandbox/mesh/index.ts';
import type { Weight } from './mesh/memory-child.ts';

const SHORT = process.env['SHORT'] === '1';
const RECONNECTS = SHORT ? 150 : 1_005;
const MESSAGES = SHORT ? 30_000 : 210_000;
/** Weighed at so many points; the first ones are warming up: code is compiled, caches are filled. The median of three counts. */
const POINTS = 15;
const WARM_UP_POINTS = 3;
/** A forgotten client with its streams weighs more than 50 kB, a forgotten message more than 500 bytes. */
const FLAT_BYTES = 1_000_000;
const CHUNK = 1_000;

let sandbox: SandboxMesh;
let child: ChildProcess;

beforeEach(async () => {
  sandbox = await startSandboxMesh();
  sandbox.createQueue('out', { maxTtl: 1 });
  sandbox.createQueue('work', { accessType: 'EXCLUSIVE' });
  const script = fileURLToPath(new URL('mesh/memory-child.ts', import.meta.url));
  child = fork(script, [JSON.stringify(webSocketOf(sandbox))], { execArgv: ['--expose-gc'] });
  await sandbox.until((mesh) => mesh.consumers('work').active === 1, 10_000);
});

afterEach(async () => {
  const gone = once(child, 'exit');
  child.send('stop');
  expect(await gone).toEqual([0, null]);
  await sandbox.stop();
});

async function weigh(): Promise<Weight> {
  child.send('measure');
  const [weight] = (await once(child, 'message')) as [Weight];
  return weight;
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(2);
const kept = ({ heapBytes, buffersBytes }: Weight): number => heapBytes + buffersBytes;

function median(weights: readonly Weight[]): number {
  return weights.map(kept).toSorted((a, b) => a - b)[Math.floor(weights.length / 2)] ?? Number.NaN;
}

/** Carries the steps out, weighs at ten points, prints them, and answers how much was gained after the warm-up. */
async function gainOver(
  what: string,
  count: number,
  step: (number: number) => Promise<void>,
): Promise<number> {
  const weights: Weight[] = [];
  for (let number = 1; number <= count; number++) {
    await step(number);
    if (number % (count / POINTS) === 0) weights.push(await weigh());
  }
  const to = weights.at(-1);
  if (to === undefined) throw new Error('nothing was weighed');
  const gain = median(weights.slice(-3)) - median(weights.slice(WARM_UP_POINTS, WARM_UP_POINTS + 3));
  console.log(
    `Memory over ${what}: ${weights.map((weight) => megabytes(kept(weight))).join(' ')} MB kept, ` +
      `gain after the warm-up ${megabytes(gain)} MB; resident ${megabytes(to.residentBytes)} MB; ` +
      `${to.received} received, ${to.published} published`,
  );
  return gain;
}

test(`memory stays flat over ${RECONNECTS} reconnects, with unsettled and pending messages at each`, async () => {
  const gain = await gainOver(`${RECONNECTS} reconnects`, RECONNECTS, async (number) => {
    const { counters } = sandbox;
    const { published, connectionsAccepted } = counters;
    for (let index = 0; index < 10; index++) sandbox.enqueue('work', { body: `{"round":${number}}` });
    // Every third connection is lost with unsettled deliveries and unconfirmed messages, the others after their work.
    const worked = (): boolean =>
      counters.published > published + 10 && sandbox.depth('work').unsettled === 0;
    if (number % 3 !== 0) await sandbox.until(worked, 10_000);
    if (number % 2 === 0) sandbox.faults.dropConnections();
    else sandbox.faults.closeConnections('amqp:connection:forced');
    await sandbox.until(
      (mesh) =>
        mesh.counters.connectionsAccepted > connectionsAccepted && mesh.consumers('work').active === 1,
      10_000,
    );
  });
  expect(sandbox.counters.connectionsAccepted).toBeGreaterThan(RECONNECTS);
  expect(gain).toBeLessThan(FLAT_BYTES);
});

test(`memory stays flat over ${MESSAGES} messages`, async () => {
  const body = JSON.stringify({ territoryId: 'EMEA-NORTH', note: 'x'.repeat(400) });
  const gain = await gainOver(`${MESSAGES} messages`, MESSAGES / CHUNK, async () => {
    for (let index = 0; index < CHUNK; index++) {
      sandbox.enqueue('work', { body, contentType: 'application/json', messageId: `m-${index}` });
    }
    await sandbox.until((mesh) => mesh.depth('work').ready + mesh.depth('work').unsettled === 0, 30_000);
  });
  expect(sandbox.counters.acceptances).toBe(MESSAGES);
  expect(gain).toBeLessThan(FLAT_BYTES);
});
