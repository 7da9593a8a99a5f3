/** How long the others take to go on where the receiver ended, from the signal that killed it or told it to stop: measured under load, printed. */
import { availableParallelism, loadavg } from 'node:os';
import { afterEach, expect } from 'vitest';
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import { testNeeding } from '../integration/needing.ts';
import { createLoad } from './load.ts';
import { watchWork, type Watched } from './receiver.ts';
import { API, CRASH_SETTINGS, isShort, LEASE_MS, SEED } from './settings.ts';
import { startAll, startStage, whyNoStage, type Stage } from './stage.ts';
import { expectUnharmed } from './verdict.ts';

const INSTANCES = 3;
const TERRITORIES = 60;
const UNDER_WAY = 40;
/** An odd number, so that one that had to wait for the machine does not count. */
const TIMES = isShort ? 3 : 21;
const LIMITS_MS = { SIGKILL: LEASE_MS + 1000, SIGTERM: 1000 } as const;
/** Runnable processes for each core, as many as this test makes by itself. On a machine with more to do everything takes longer. */
const OWN_LOAD = 2;
const LAST_OUTCOME_MS = 60_000;
const LOOK_EVERY_MS = 10;
const PATIENCE_MS = 60_000;

const missing = await whyNoStage();

let stage: Stage | undefined;
afterEach(() => stage?.end());

testNeeding(
  missing,
  'the others go on within a lease and a second of SIGKILL, within a second of SIGTERM',
  async () => {
    stage = await startStage({ load: createLoad(TERRITORIES, SEED), api: API, settings: CRASH_SETTINGS });
    const watched = watchWork(stage);
    await startAll(stage, INSTANCES);
    const { traffic } = stage;
    let isOver = false;
    const publishing = traffic.run(() => {
      if (isOver) return 'over';
      return traffic.underWay() < UNDER_WAY ? 'yes' : 'wait';
    });
    const medians: Record<string, number> = {};
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const measured: Takeover[] = [];
      for (let time = 0; time < TIMES; time += 1) measured.push(await takeover(stage, watched, signal));
      console.log(
        `Takeover after ${signal}, lease ${LEASE_MS} ms, ${TIMES} times: lanes ${figures(measured, 'lanesMs')}; ` +
          `receiving ${figures(measured, 'receivingMs')}; process gone ${figures(measured, 'goneMs')}; at most ${Math.max(...measured.map(({ lanes }) => lanes))} lanes`,
      );
      medians[signal] = median(measured.map(({ lanesMs, receivingMs }) => Math.max(lanesMs, receivingMs)));
      expect(Math.max(...measured.map(({ lanes }) => lanes))).toBeGreaterThan(0);
    }
    isOver = true;
    await publishing;
    await traffic.untilAllEnded(LAST_OUTCOME_MS);
    await expectUnharmed(stage);
    const load = (loadavg()[0] ?? 0) / availableParallelism();
    const slower = Math.max(1, load / OWN_LOAD);
    if (slower > 1)
      console.log(`The machine has ${slower.toFixed(1)} times as much to do: so much longer it may take`);
    // The median, since a busy machine lets single ones wait.
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      expect(medians[signal], signal).toBeLessThanOrEqual(LIMITS_MS[signal] * slower);
    }
  },
);

interface Takeover {
  /** Lanes with work left that the ended instance had at the signal. */
  readonly lanes: number;
  /** From the signal until none of its lanes waits for it, and until another one appends. */
  readonly lanesMs: number;
  readonly receivingMs: number;
  /** From the signal until its process had ended: told to stop, it first ends what it has begun. */
  readonly goneMs: number;
}

/** Ends the receiver while it has lanes; another instance replaces it afterwards. */
async function takeover(on: Stage, watched: Watched, signal: 'SIGKILL' | 'SIGTERM'): Promise<Takeover> {
  const lanesOf = async (index: number): Promise<number> => {
    const rows = await on.postgres.query(
      `select from lanes where pending > 0 and split_part(owner, ' ', 2) = $1`,
      [String(index)],
    );
    return rows.length;
  };
  watched.forget();
  await until(async () => {
    const receiver = watched.receiver();
    return receiver !== undefined && (await lanesOf(receiver.index)) > 0;
  });
  const victim = watched.receiver();
  if (victim === undefined) throw new Error('somebody received a moment ago');
  victim.isEnded = true;
  watched.forget();
  const lanes = await lanesOf(victim.index);
  const fromMs = systemClock.monotonicMs();
  victim.process.signal(signal);
  const since = (): number => systemClock.monotonicMs() - fromMs;
  const gone = victim.process.exited.then(since);
  const [goneMs, lanesMs, receivingMs] = await Promise.all([
    gone,
    until(async () => (await lanesOf(victim.index)) === 0).then(since),
    until(async () => watched.receiver() !== undefined).then(since),
  ]);
  expect(await victim.process.exited).toBe(signal === 'SIGTERM' ? 0 : -1);
  await on.remove(victim);
  await on.start();
  return { lanes, lanesMs, receivingMs, goneMs };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endsAtMs = systemClock.monotonicMs() + PATIENCE_MS;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > endsAtMs) throw new Error(`waited in vain for ${condition.toString()}`);
    await sleep(systemClock, LOOK_EVERY_MS);
  }
}

function figures(measured: readonly Takeover[], name: 'lanesMs' | 'receivingMs' | 'goneMs'): string {
  const all = measured.map((one) => one[name]);
  return `${median(all).toFixed(0)} ms (median), ${Math.max(...all).toFixed(0)} ms (worst)`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
