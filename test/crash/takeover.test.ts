/** How long the others take to go on where the receiver ended, killed or told to stop: measured under load, printed. */
import { afterEach, expect, test } from 'vitest';
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import { createLoad } from './load.ts';
import { watchWork, type Watched } from './receiver.ts';
import { API, CRASH_SETTINGS, isShort, LEASE_MS, SEED } from './settings.ts';
import { startStage, whyNoStage, type Stage } from './stage.ts';
import { expectUnharmed } from './verdict.ts';

const INSTANCES = 3;
const TERRITORIES = 60;
const UNDER_WAY = 40;
const TIMES = isShort ? 2 : 20;
const LIMITS_MS = { SIGKILL: LEASE_MS + 1000, SIGTERM: 1000 } as const;
const LAST_OUTCOME_MS = 60_000;
const LOOK_EVERY_MS = 10;

const missing = await whyNoStage();
if (missing !== undefined) console.log(`Skipped: takeover by other processes, since ${missing}`);

let stage: Stage | undefined;
afterEach(() => stage?.end());

test.skipIf(missing !== undefined && process.env['CI'] !== 'true')(
  'the others go on within a lease and a second after a kill, within a second of the end after SIGTERM',
  async () => {
    stage = await startStage({ load: createLoad(TERRITORIES, SEED), api: API, settings: CRASH_SETTINGS });
    const watched = watchWork(stage);
    for (let index = 0; index < INSTANCES; index += 1) await stage.start();
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
      medians[signal] = median(measured.map(gapMs));
      expect(Math.max(...measured.map(({ lanes }) => lanes))).toBeGreaterThan(0);
    }
    isOver = true;
    await publishing;
    await traffic.untilAllEnded(LAST_OUTCOME_MS);
    await expectUnharmed(stage);
    // The median, since a busy machine lets single ones wait.
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      expect(medians[signal], signal).toBeLessThanOrEqual(LIMITS_MS[signal]);
    }
  },
);

interface Takeover {
  /** Lanes with work left that the ended instance had at the signal. */
  readonly lanes: number;
  /** From the signal until none of its lanes waits for it, and until another one appends. */
  readonly lanesMs: number;
  readonly receivingMs: number;
  /** From the signal until its process had ended: told to stop, it first ends what it has begun, and is not missed so long. */
  readonly goneMs: number;
}

/** For how long something was left undone. */
function gapMs({ lanesMs, receivingMs, goneMs }: Takeover): number {
  return Math.max(lanesMs, receivingMs) - goneMs;
}

/** Ends the receiver while it has lanes; another instance replaces it afterwards. */
async function takeover(on: Stage, watched: Watched, signal: 'SIGKILL' | 'SIGTERM'): Promise<Takeover> {
  const lanesOf = async (index: number): Promise<number> => {
    const rows = await on.postgres.query(
      `select from lanes where pending > 0 and split_part(owner, ' ', 1) = $1`,
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
  while (!(await condition())) await sleep(systemClock, LOOK_EVERY_MS);
}

function figures(measured: readonly Takeover[], name: 'lanesMs' | 'receivingMs' | 'goneMs'): string {
  const all = measured.map((one) => one[name]);
  return `${median(all).toFixed(0)} ms (median), ${Math.max(...all).toFixed(0)} ms (worst)`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
