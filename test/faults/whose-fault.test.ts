/**
 * Two bad records among a thousand good changes: both end as dead letters, nothing else does, and the other territories
 * hardly notice. All times are a hundredth of real ones: the API takes 0.4 s for a request and as much for each record
 * in it, and is probed every 5 s. What is compared runs at the same time, so that a busy machine slows all sides alike.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../sandbox/territory-api/index.ts';
import { check } from '../system/checker.ts';
import { setField, type PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World } from '../system/world.ts';
import { HUNDREDTH } from '../e2e/unharmed.ts';

const API = { ...HUNDREDTH.api, latency: { baseMs: 4, perRecordMs: 4 } };
const SETTINGS = {
  ...HUNDREDTH.settings,
  RETRY_LIMIT: '3',
  // A hundred flights: with twenty, chance decides by more than what is measured which of them fly last.
  BATCH_SIZE: '10',
};

const GOOD = 1000;
const TERRITORIES = 50;
/** Of the fifty, those that have a bad record too, and after how many good changes its change is published. */
const BAD = [
  { name: 'broken', territory: 10, after: 300, code: 'API_ERROR' },
  { name: 'refused', territory: 20, after: 600, code: 'REJECTED_BY_API' },
];
const isBad = (name: string) => (id: string) => id.endsWith(name);
const REFUSED: Fault = { kind: 'record-status', status: 400, on: 'write', records: isBad('refused') };
const FAULTS = {
  'no bad record': [],
  '500 for the record': [
    REFUSED,
    { kind: 'record-status', status: 500, on: 'write', records: isBad('broken') },
  ],
  '500 for every write with the record in it': [
    REFUSED,
    { kind: 'status', status: 500, on: 'write', records: isBad('broken') },
  ],
} as const satisfies Readonly<Record<string, readonly Fault[]>>;
type Kind = keyof typeof FAULTS;

const MOST_SLOWDOWN = 1.1;
/** The first turn warms up. One turn may still meet a bad moment on one side only, so the best one counts. */
const TURNS = 3;

/** A world with its service, and what was published there. */
interface Side {
  readonly kind: Kind;
  readonly world: World;
  readonly service: ServiceProcess;
  readonly good: PublishedChange[];
  readonly bad: PublishedChange[];
  /** By turn: from publication to the write, on average over the good changes of territories without a bad record. */
  readonly meanMs: number[];
}

let sides: readonly Side[] = [];

beforeAll(async () => {
  sides = await Promise.all((Object.keys(FAULTS) as Kind[]).map(startSide));
  for (let turn = 0; turn < TURNS; turn += 1) await flyAll(`turn ${turn}`);
}, 60_000);

afterAll(async () => {
  await Promise.all(
    sides.map(async ({ service, world }) => {
      await service.kill();
      await world.stop();
    }),
  );
});

async function startSide(kind: Kind): Promise<Side> {
  const world = await startWorld({ api: API });
  for (const fault of FAULTS[kind]) world.api.faults.inject(fault);
  const service = await startService(world.env(SETTINGS));
  await world.untilReceiving();
  return { kind, world, service, good: [], bad: [], meanMs: [] };
}

/** Publishes everything at once, and then a change now and then, as any day brings, until the bad ones have ended. */
async function flyAll(turn: string): Promise<void> {
  const startedAt = Date.now();
  const known = sides.map(({ good }) => good.length);
  for (let index = 0; index < GOOD; index += 1) {
    for (const side of sides) {
      side.good.push(publish(side, turn, index % TERRITORIES, `good-${index}`));
      const bad = side.kind === 'no bad record' ? undefined : BAD.find(({ after }) => after === index);
      if (bad) side.bad.push(publish(side, turn, bad.territory, bad.name));
    }
  }
  let later = 0;
  const everyDay = setInterval(() => {
    later += 1;
    for (const side of sides) side.good.push(publish(side, turn, TERRITORIES, `later-${later}`));
  }, 100);
  try {
    await Promise.all(sides.map((side) => untilHolding(side, 'deadLetters', () => side.bad.length)));
  } finally {
    clearInterval(everyDay);
  }
  await Promise.all(
    sides.map((side) => untilHolding(side, 'outcomes', () => side.good.length + side.bad.length)),
  );
  for (const [index, side] of sides.entries()) {
    const ofTurn = side.good.slice(known[index]).slice(0, GOOD);
    side.meanMs.push(meanMs(side, ofTurn, startedAt));
  }
}

/** Sets the owner of a record of its own, which is named like the change. */
function publish({ world }: Side, turn: string, territory: number, name: string): PublishedChange {
  const id = `${turn} ${name}`;
  const territoryId = `${turn} TER-${territory}`;
  world.api.seedRecords([{ territoryId, id, fields: { owner: 'nobody' } }]);
  const change = setField(id, territoryId, id, 'owner', id);
  world.publish(change);
  return change;
}

async function untilHolding(
  { world }: Side,
  queue: 'deadLetters' | 'outcomes',
  messages: () => number,
): Promise<void> {
  await world.mesh.until((mesh) => {
    // Alerts come to the queue of the outcomes too.
    if (queue === 'outcomes') return world.outcomes().length >= messages();
    const { ready, unsettled } = mesh.depth(world.queues[queue]);
    return ready + unsettled >= messages();
  }, 15_000);
}

function meanMs({ world }: Side, changes: readonly PublishedChange[], startedAt: number): number {
  const slowed = new Set(BAD.map(({ territory }) => `TER-${territory}`));
  const others = changes.filter(({ territoryId }) => !slowed.has(territoryId.split(' ').at(-1) ?? ''));
  const writtenAt = new Map(world.api.history().map(({ recordId, at }) => [recordId, at]));
  return others.reduce((sum, { id }) => sum + (writtenAt.get(id) ?? Infinity) - startedAt, 0) / others.length;
}

describe.each(['500 for the record', '500 for every write with the record in it'] as const)('%s', (kind) => {
  const sideOf = (wanted: Kind): Side => {
    const found = sides.find((side) => side.kind === wanted);
    if (!found) throw new Error(`${wanted} did not start`);
    return found;
  };

  test('exactly the broken records and the refused ones end as dead letters', () => {
    const { world, bad } = sideOf(kind);
    const letters = world.mesh.peek(world.queues.deadLetters).map(({ properties }) => properties);
    const told = letters.map(({ id, reason }) => `${String(id)}: ${String(reason)}`);
    const codeOf = (id: string) => BAD.find(({ name }) => id.endsWith(name))?.code;
    expect(told.toSorted()).toEqual(bad.map(({ id }) => `${id}: ${codeOf(id)}`).toSorted());
    expect(told).toHaveLength(TURNS * BAD.length);
  });

  test('every good change is applied, those behind the bad ones in their territories too', () => {
    const { world, good, bad } = sideOf(kind);
    const given = new Set(bad.map(({ id }) => id));
    const outcomes = world.outcomes().filter(({ data }) => !given.has(data.change.id));
    expect(outcomes.filter(({ data }) => data.outcome !== 'applied')).toEqual([]);
    const { api } = world;
    const found = check({ published: good, outcomes, history: api.history(), records: api.records() });
    expect(found).toMatchObject({ ended: good.length, failed: 0, lost: 0, outOfOrder: 0, blindWrites: 0 });
  });

  test('the other territories are not slowed by more than 10 %', () => {
    const usual = sideOf('no bad record').meanMs;
    const ratios = sideOf(kind).meanMs.map((ms, turn) => ms / (usual[turn] ?? 0));
    expect(Math.min(...ratios.slice(1)), `by turn: ${ratios.join(', ')}`).toBeLessThanOrEqual(MOST_SLOWDOWN);
  });
});
