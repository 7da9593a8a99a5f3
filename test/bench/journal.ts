/**
 * What the PostgreSQL journal does in a second: appending, draining a backlog beside graphile-worker's named queues in the same run, draining
 * beside lanes that are stuck, and claiming from backlogs of any size; and what an idle instance asks. SHORT=1: only to see that it runs.
 */
import { loadavg } from 'node:os';
import { fill, percentile, timeClaims } from './journal/backlog.ts';
import { idleTransactions } from './journal/idle.ts';
import { drainPeer, loadPeer } from './journal/peer.ts';
import { appendAll, changesOver, claim, drain, openStage, type Stage } from './journal/stage.ts';
import { row, type Claim, type Result, type Row } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const RUNS = SHORT ? 1 : 5;
const LANES = 200;
/** As the service's default. */
const FLIGHTS = 4;
const APPENDED = SHORT ? 1000 : 10_000;
const BACKLOG = SHORT ? 2000 : 20_000;
const PEER_JOBS = SHORT ? 400 : 3000;
const STUCK = SHORT ? 1000 : 20_000;
const BACKLOGS = SHORT ? [1000, 5000] : [10_000, 100_000, 1_000_000];
const CLAIMS = SHORT ? 20 : 300;
const IDLE_MS = 120_000;
const HOUR_MS = 3_600_000;

type Say = (line: string) => void;

export async function run(say: Say): Promise<Result> {
  const parts = [appending, draining, besideStuckLanes, claiming, ...(SHORT ? [] : [idling])];
  const results: Result[] = [];
  for (const part of parts) results.push(await part(say));
  const load = row('load average of the machine at the end', 'of 2 cores', [loadavg()[0] ?? Number.NaN]);
  return {
    rows: [...results.flatMap(({ rows }) => rows), load],
    claims: results.flatMap(({ claims }) => claims),
  };
}

async function appending(say: Say): Promise<Result> {
  const rows: Row[] = [];
  const claims: Claim[] = [];
  const stage = await openStage(FLIGHTS);
  try {
    for (const [batch, goal] of [
      [50, 5000],
      [200, 8000],
    ] as const) {
      const values: number[] = [];
      for (let turn = 0; turn <= RUNS; turn += 1) {
        await stage.database.empty();
        await stage.database.query('vacuum');
        const value = await perSecond(APPENDED, () => appendAll(stage, changesOver(LANES, APPENDED), batch));
        // The first one warms up.
        if (turn > 0) values.push(value);
      }
      const appended = row(`append in batches of ${batch}, ${LANES} lanes`, 'changes/s', values);
      say(`journal: ${appended.name}: ${appended.median.toFixed(0)}`);
      rows.push(appended);
      claims.push(atLeast(appended, goal));
    }
  } finally {
    await stage.close();
  }
  return { rows, claims };
}

async function draining(say: Say): Promise<Result> {
  const peer = loadPeer();
  const stage = await openStage(FLIGHTS);
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let turn = 0; turn <= RUNS; turn += 1) {
      await makeReady(stage, changesOver(LANES, BACKLOG));
      const drained = await drainedPerSecond(stage, BACKLOG);
      const jobs = await drainPeer(peer, { lanes: LANES, jobs: PEER_JOBS, concurrency: FLIGHTS });
      if (turn === 0) continue;
      ours.push(drained);
      theirs.push(jobs);
    }
  } finally {
    await stage.close();
  }
  const drained = row(`drain ${BACKLOG} changes, ${LANES} lanes, ${FLIGHTS} flights`, 'changes/s', ours);
  const jobs = row(`graphile-worker, ${LANES} named queues, concurrency ${FLIGHTS}`, 'jobs/s', theirs);
  const times = row(
    'drain ÷ graphile-worker',
    'times',
    ours.map((value, turn) => value / (theirs[turn] ?? Number.NaN)),
  );
  say(
    `journal: drain ${drained.median.toFixed(0)} changes/s, graphile-worker ${jobs.median.toFixed(0)} jobs/s`,
  );
  return { rows: [drained, jobs, times], claims: [atLeast(drained, 6000), atLeast(times, 15)] };
}

async function besideStuckLanes(say: Say): Promise<Result> {
  const [free, stuck] = [await openStage(FLIGHTS), await openStage(FLIGHTS)];
  const shares: number[] = [];
  try {
    for (let turn = 0; turn <= RUNS; turn += 1) {
      await free.database.empty();
      await stuck.database.empty();
      await makeStuck(stuck);
      const speeds = new Map<Stage, number>();
      for (const stage of turn % 2 === 0 ? [free, stuck] : [stuck, free]) {
        await appendAll(stage, changesOver(LANES, BACKLOG), 200);
        await stage.database.query('vacuum analyze');
        speeds.set(stage, await drainedPerSecond(stage, BACKLOG));
      }
      if (turn > 0) shares.push((speeds.get(stuck) ?? 0) / (speeds.get(free) ?? Number.NaN));
    }
  } finally {
    await free.close();
    await stuck.close();
  }
  const share = row(`drain beside ${STUCK} changes stuck in 2 lanes ÷ drain without`, 'of 1', shares);
  say(`journal: ${share.name}: ${shares.map((one) => one.toFixed(2)).join(' ')}`);
  return { rows: [share], claims: [atLeast(share, 0.9)] };
}

async function claiming(say: Say): Promise<Result> {
  const stage = await openStage(FLIGHTS);
  const rows: Row[] = [];
  const medians: number[] = [];
  try {
    for (const backlog of BACKLOGS) {
      await stage.database.empty();
      await fill(stage, backlog);
      await timeClaims(stage, 20);
      const times = await timeClaims(stage, CLAIMS);
      const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
      medians.push(p50);
      rows.push(
        row(`claim with ${backlog} pending, p50 of ${CLAIMS}`, 'ms', [p50]),
        row(`claim with ${backlog} pending, p99 of ${CLAIMS}`, 'ms', [p99]),
      );
      say(`journal: claim with ${backlog} pending: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
    }
  } finally {
    await stage.close();
  }
  const growth = (medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN);
  return {
    rows,
    claims: [
      {
        text: `claim time flat: a hundred times the backlog takes ${growth.toFixed(2)} times as long`,
        holds: growth < 1.5,
      },
    ],
  };
}

async function idling(say: Say): Promise<Result> {
  const idle = row('an idle instance', 'transactions/minute', [await idleTransactions(IDLE_MS)]);
  say(`journal: ${idle.name}: ${idle.median.toFixed(0)} ${idle.unit}`);
  return { rows: [idle], claims: [] };
}

async function makeReady(stage: Stage, arrivals: Parameters<typeof appendAll>[1]): Promise<void> {
  await stage.database.empty();
  await appendAll(stage, arrivals, 200);
  await stage.database.query('vacuum analyze');
}

/** Two lanes that wait for an hour, with many changes each. */
async function makeStuck(stage: Stage): Promise<void> {
  await appendAll(stage, changesOver(2, STUCK, 'STUCK'), 200);
  const lanes = [...(await claim(stage)), ...(await claim(stage))];
  if (lanes.length !== 2) throw new Error(`two lanes were to be stuck, not ${lanes.length}`);
  await stage.journal.complete(
    lanes.map(({ territoryId, fence, memory }) => ({
      territoryId,
      fence,
      progress: [],
      ended: [],
      memory,
      wait: { state: 'retrying', delayMs: HOUR_MS },
    })),
  );
}

async function drainedPerSecond(stage: Stage, count: number): Promise<number> {
  return perSecond(count, async () => {
    const ended = await drain(stage, FLIGHTS);
    if (ended !== count) throw new Error(`${ended} of ${count} changes ended`);
  });
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (1000 * count) / (performance.now() - startedAtMs);
}

function atLeast({ name, median, unit }: Row, goal: number): Claim {
  const shown = median < 10 ? median.toFixed(2) : median.toFixed(0);
  return { text: `${name}: ${shown} ${unit}, at least ${goal}`, holds: median >= goal };
}
