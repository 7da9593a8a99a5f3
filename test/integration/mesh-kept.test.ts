/** Deliveries that a subscriber keeps for as long as a person needs, over a real socket. */
import { expect, test } from 'vitest';
import { eventually, Inbox, numbers, webSocketOf } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';

const stage = sandboxStage();

test('a renewal of the connection does not wait for deliveries that are kept long; they come again', async () => {
  await stage.replaceSandbox({ tokenLifetimeS: 1.6, tcp: {} });
  const drainMs = 8_000;
  const { mesh, clock } = stage.rig(webSocketOf(stage.sandbox), { renewDrainTimeoutMs: drainMs });
  const inbox = new Inbox();
  mesh.subscribe({ queue: stage.queue, window: 5, keeps: 'long' }, inbox);
  const changes: { readonly state: string; readonly atMs: number }[] = [];
  mesh.onStateChange(({ state }) => void changes.push({ state, atMs: clock.monotonicMs() }));
  mesh.start();
  stage.fill(3);
  await eventually(() => inbox.events.includes('attached 2'), 'renewed');
  await eventually(() => inbox.texts.length === 6, 'all come again');
  expect(inbox.texts).toEqual([...numbers(3), ...numbers(3)]);
  const begun = changes.find(({ state }) => state === 'renewing')?.atMs ?? 0;
  const open = changes.findLast(({ state }) => state === 'open')?.atMs ?? Infinity;
  expect(open - begun).toBeLessThan(drainMs / 2);
});
