/** New versions under load: one instance after the other, and a whole second set that waits until it is let go. */
import { afterEach, expect } from 'vitest';
import { testNeeding } from '../integration/needing.ts';
import type { Instance } from './instance.ts';
import { createLoad } from './load.ts';
import { watchWork } from './receiver.ts';
import { API, CRASH_SETTINGS, isShort, SEED } from './settings.ts';
import { startStage, whyNoStage, type Stage } from './stage.ts';
import { expectUnharmed } from './verdict.ts';

const INSTANCES = isShort ? 2 : 3;
const TERRITORIES = 60;
const UNDER_WAY = 40;
/** So many changes have to end between two steps: the load goes on. */
const BETWEEN_STEPS = isShort ? 5 : 15;
const LAST_OUTCOME_MS = 60_000;

const missing = await whyNoStage();

let stage: Stage | undefined;
afterEach(() => stage?.end());

testNeeding(
  missing,
  'a rolling deployment and a blue-green one under load lose nothing, and each instance that is told to stop ends with code 0',
  async () => {
    stage = await startStage({ load: createLoad(TERRITORIES, SEED), api: API, settings: CRASH_SETTINGS });
    const { traffic } = stage;
    const watched = watchWork(stage);
    const startSet = (settings: Readonly<Record<string, string>> = {}): Promise<readonly Instance[]> =>
      Promise.all(Array.from({ length: INSTANCES }, () => on.start(settings)));
    const on = stage;
    const first = await startSet();
    let isOver = false;
    const publishing = traffic.run(() => {
      if (isOver) return 'over';
      return traffic.underWay() < UNDER_WAY ? 'yes' : 'wait';
    });
    const goingOn = async (): Promise<void> => {
      const before = traffic.ended();
      await expect.poll(() => traffic.ended(), { timeout: 60_000 }).toBeGreaterThan(before + BETWEEN_STEPS);
    };

    await goingOn();
    const blue: Instance[] = [];
    for (const old of first) {
      blue.push(await on.start());
      await stop(on, old);
      await goingOn();
    }

    const green = await startSet({ START_PAUSED: 'true' });
    await goingOn();
    expect(green.filter((instance) => watched.worked.has(instance))).toEqual([]);
    for (const { process } of green) await resume(process.url);
    watched.forget();
    await Promise.all(blue.map((instance) => stop(on, instance)));
    await goingOn();
    expect(green.filter((instance) => watched.worked.has(instance))).not.toEqual([]);

    isOver = true;
    await publishing;
    await traffic.untilAllEnded(LAST_OUTCOME_MS);
    await expectUnharmed(on);
    console.log(`Rolling and blue-green deployment: ${traffic.published.length} changes, none harmed`);
  },
);

async function stop(on: Stage, instance: Instance): Promise<void> {
  instance.isEnded = true;
  expect(await instance.process.stop(), instance.process.output()).toBe(0);
  await on.remove(instance);
}

async function resume(url: string): Promise<void> {
  const answer = await fetch(`${url}/api/v1/processing/resume`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ what: 'all' }),
  });
  expect(answer.status, await answer.text()).toBeLessThan(300);
}
