/**
 * Three instances are killed and frozen at every point that matters, PostgreSQL and Redis are restarted under them, and nothing is lost,
 * repeated, reordered or overwritten.
 */
import { afterEach, expect } from 'vitest';
import { testNeeding } from '../integration/needing.ts';
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { deal, type Times } from './blows.ts';
import { Conductor } from './conductor.ts';
import { createLoad } from './load.ts';
import { API, CRASH_SETTINGS, isShort, LEASE_MS, SEED } from './settings.ts';
import { startAll, startStage, whyNoStage, type Stage } from './stage.ts';
import { expectUnharmed } from './verdict.ts';

const INSTANCES = 3;
const TERRITORIES = 200;
const CHANGES = isShort ? 500 : 5000;
const TIMES: Times = isShort
  ? { killAtEachPoint: 2, killAnywhere: 2, freeze: 2, restartOfEachServer: 2 }
  : { killAtEachPoint: 20, killAnywhere: 20, freeze: 28, restartOfEachServer: 20 };
/** Changes under way: so many while they last for all blows, so few when they have run ahead. */
const UNDER_WAY = { most: 60, least: 10 };
/** Of the changes, so many more than the blows' share may be published ahead. */
const AHEAD = 50;
const FOREIGN_WRITE_EVERY_MS = 300;
const LAST_OUTCOME_MS = 60_000;

const missing = await whyNoStage();

let stage: Stage | undefined;
afterEach(() => stage?.end());

testNeeding(
  missing,
  'killed, frozen and restarted wherever it hurts, three instances end every change once and in order',
  async () => {
    stage = await startStage({ load: createLoad(TERRITORIES, SEED), api: API, settings: CRASH_SETTINGS });
    const { traffic, system } = stage;
    await startAll(stage, INSTANCES);
    const writers = system.api.startForeignWriters({
      seed: SEED,
      everyMs: FOREIGN_WRITE_EVERY_MS,
      fields: ['note'],
    });
    const blows = deal(TIMES, new SeededRandom(SEED, 'blows'));
    const random = new SeededRandom(SEED, 'strikes');
    const conductor = new Conductor({ stage, blows, random, leaseMs: LEASE_MS, patienceMs: 60_000 });
    const publishing = traffic.run(() => {
      const share = (CHANGES * conductor.done) / blows.length + AHEAD;
      const isAhead = traffic.published.length > share;
      if (conductor.isOver && traffic.published.length >= CHANGES) return 'over';
      return traffic.underWay() < (isAhead ? UNDER_WAY.least : UNDER_WAY.most) ? 'yes' : 'wait';
    });
    await Promise.all([conductor.run(), publishing]);
    writers.stop();
    await traffic.untilAllEnded(LAST_OUTCOME_MS).catch((error: unknown) => console.log(error));
    console.log(
      `Seed ${SEED}: ${traffic.published.length} changes over ${TERRITORIES} territories, ` +
        `${system.outcomes().length - traffic.published.length} outcome events sent again, ` +
        `${writers.writes} foreign writes\n${conductor.tally.table()}`,
    );
    await expectUnharmed(stage);
    expect(conductor.tally.missed).toEqual([]);
  },
);
