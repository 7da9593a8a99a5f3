/** One run from its seed to its verdict. The same plan gives the same run to the byte, on the same version of Node. */
import type { Violation } from './checker/violation.ts';
import type { RunPlan } from './plan.ts';
import { SCENARIOS } from './scenarios/list.ts';
import { ScriptedFaults, type ForeignWrite } from './scenarios/scenario.ts';
import { CALM, circumstancesOf, type Circumstances } from './world/circumstances.ts';
import { FAULT_KINDS, OF_SOME, SeededFaults, type FaultKind, type Faults } from './world/faults.ts';
import { guardAgainstTheReal, settled, turn } from './world/guard.ts';
import { hasNeighbour } from './world/shape.ts';
import { NEIGHBOUR, neighbourly } from './world/territories.ts';
import { Timeline } from './world/timeline.ts';
import { Trace } from './world/trace.ts';
import { messageOf, workloadOf, type Publication } from './world/workload.ts';
import { World } from './world/world.ts';

export interface RunResult {
  readonly violation: Violation | undefined;
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly steps: number;
  readonly changes: number;
  /** Simulated time. */
  readonly lastedMs: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Only where it was asked for. */
  readonly trace: readonly string[];
}

const PUBLISHED_AGAIN: readonly FaultKind[] = ['published-twice', 'published-clash'];
/** Nor is there one that cannot hold a value. */
const OF_A_DATABASE: readonly FaultKind[] = ['unstorable-payload'];
/** Faults strike for this long after the last publication. */
const FAULTS_AFTER_MS = 120_000;
/**
 * Once faults have stopped everything has to end within this time. Where no read is ever fresh each change of a record that is gone
 * takes minutes, one after the other.
 */
const LIVENESS_MS = 12 * 3_600_000;
const MOST_STEPS = 600_000;
/** Once faults have stopped what is in the queue is received within this time, though nothing more is published. */
const SILENCE_MS = 300_000;
/** So often another record is written meanwhile: without any success nobody can tell a record's fault from the API's. */
const COMPANY_MS = 20_000;
/** After the end: what is frozen or under way has to come too, and must change nothing. */
const AFTERMATH_MS = 240_000;
/** So long whoever looks something up waits for the answer. */
const LOOK_UP_MS = 5000;

/** What a run is made of, from a seed or from a script. */
interface Cast {
  readonly circumstances: Circumstances;
  readonly faults: Faults;
  readonly publications: readonly Publication[];
  /** All is published by then. */
  readonly lengthMs: number;
  /** Of a script. */
  readonly foreign?: readonly ForeignWrite[];
  /** Change → when its outcome is told at the latest. */
  readonly endsByMs?: ReadonlyMap<string, number>;
}

export async function simulate(plan: RunPlan, keeps: 'lines' | 'hash' = 'hash'): Promise<RunResult> {
  const timeline = new Timeline();
  const trace = new Trace(timeline, keeps);
  const cast = plan.scenario === undefined ? seeded(plan) : scripted(plan.scenario, timeline);
  return play(plan.seed, cast, timeline, trace);
}

function seeded(plan: RunPlan): Cast {
  const { seed, changes, territories } = plan;
  const circumstances = circumstancesOf(seed, territories);
  const { mode, intensity, publishedWithinMs: lengthMs, lifecycle, images, values } = circumstances;
  // Without a database nobody recognises what a publisher sends again across a restart: that is not promised.
  const without = [...plan.without, ...(mode === 'embedded' ? [...PUBLISHED_AGAIN, ...OF_A_DATABASE] : [])];
  const isWatched = hasNeighbour(circumstances.shape);
  if (isWatched) without.push(...FAULT_KINDS.filter((kind) => !OF_SOME.includes(kind)));
  const faults = new SeededFaults({
    ...plan,
    without,
    intensity,
    ...(isWatched && { spared: NEIGHBOUR }),
  });
  const cursed = circumstances.cursed?.record;
  const publications = workloadOf({
    seed,
    changes,
    territories,
    lengthMs,
    lifecycle,
    cursed,
    images,
    values,
    shape: circumstances.shape,
    faults,
  });
  if (!isWatched) return { circumstances, faults, publications, lengthMs };
  const all = [...publications, ...neighbourly(lengthMs + FAULTS_AFTER_MS)];
  return { circumstances, faults, publications: all, lengthMs };
}

/** @throws where there is no such scenario */
function scripted(name: string, timeline: Timeline): Cast {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (!scenario) throw new Error(`there is no scenario called ${name}`);
  const publications = scenario.changes.map(
    ({ atMs, territoryId, assignments, unstorable }, index): Publication => {
      const change = { id: `c${index}`, territoryId, assignments };
      return { atMs, message: messageOf(change), ...(!unstorable && { change }) };
    },
  );
  const limits = scenario.changes.flatMap(({ endsByMs }, index) =>
    endsByMs === undefined ? [] : [[`c${index}`, endsByMs] as const],
  );
  return {
    circumstances: { ...CALM, ...scenario.circumstances },
    faults: new ScriptedFaults(scenario.strikes, timeline),
    publications,
    lengthMs: Math.max(...publications.map(({ atMs }) => atMs)),
    endsByMs: new Map(limits),
    ...(scenario.foreign && { foreign: scenario.foreign }),
  };
}

async function play(
  seed: number,
  { circumstances, faults, publications, lengthMs, foreign = [], endsByMs = new Map() }: Cast,
  timeline: Timeline,
  trace: Trace,
): Promise<RunResult> {
  const world = new World({ seed, circumstances, timeline, faults, trace, publications });
  const rejected = (reason: unknown): void => {
    world.verdict.demand(false, 'unhandled', () => String(reason instanceof Error ? reason.stack : reason));
  };
  process.on('unhandledRejection', rejected);
  const lift = guardAgainstTheReal((touched) =>
    world.verdict.demand(false, 'not-simulated', () => touched.message),
  );
  try {
    world.start();
    for (const { atMs, record, fields } of foreign) {
      timeline.after(atMs, () => world.records.writeForeign(record, fields));
    }
    const goOn = async (untilMs: number, isOver: () => boolean): Promise<void> => {
      await settled();
      while (!world.verdict.violation && !isOver()) {
        if (!timeline.step(untilMs)) {
          timeline.nowMs = Math.max(timeline.nowMs, untilMs);
          return;
        }
        await settled();
        world.verdict.demand(
          timeline.steps < MOST_STEPS,
          'liveness',
          () => `no end after ${MOST_STEPS} steps`,
        );
      }
    };
    await goOn(lengthMs + FAULTS_AFTER_MS, () => false);
    faults.stop();
    for (const untilMs = timeline.nowMs + SILENCE_MS; !world.hasReceivedAll && timeline.nowMs < untilMs;) {
      if (world.verdict.violation) break;
      world.tidyUp();
      await goOn(timeline.nowMs + COMPANY_MS, () => world.hasReceivedAll);
    }
    world.verdict.demand(
      world.hasReceivedAll,
      'left-behind',
      () => 'nothing goes wrong and nothing comes, and there are still messages in the work queue',
    );
    // Nobody comes any more who would resume what was paused, and a replay may wait for it.
    if (world.isDone) world.tidyUp();
    const deadlineMs = timeline.nowMs + LIVENESS_MS;
    // An operator's call may stand still in a frozen process, and be accepted when all else has long ended.
    for (let round = 0, isOver = false; !isOver;) {
      for (; !world.isDone && !world.verdict.violation && timeline.nowMs < deadlineMs; round += 1) {
        world.accompany(round);
        await goOn(timeline.nowMs + COMPANY_MS, () => world.isDone);
      }
      await goOn(timeline.nowMs + AFTERMATH_MS, () => false);
      isOver = world.isDone || world.verdict.violation !== undefined || timeline.nowMs >= deadlineMs;
    }
    world.lookUp();
    await goOn(timeline.nowMs + LOOK_UP_MS, () => false);
    if (!world.verdict.violation) world.checkEnd(endsByMs);
    world.end();
    await turn();
  } finally {
    lift();
    process.off('unhandledRejection', rejected);
  }
  return {
    violation: world.verdict.violation,
    hash: trace.digest(),
    steps: timeline.steps,
    changes: world.expected.length,
    lastedMs: timeline.nowMs,
    faults: Object.fromEntries(faults.counts),
    trace: trace.lines,
  };
}
