/** Records what flights did and gives their lanes back: one transaction for all of them, each lane by its own fence. */
import type { ChangeProgress, Ending, LaneCompletion } from '../port.ts';
import {
  openRecords,
  recordedProgressOf,
  resultsText,
  withProgress,
  type RecordedProgress,
} from './change-rows.ts';
import type { Database, Run } from './database.ts';
import { flightStartOf, flightSteps, type FlightStart } from './flight-trail.ts';
import { formatOf } from './format.ts';
import { forgettableFrom, memoryText } from './memory-rows.ts';
import { queueMessages } from './outbox-rows.ts';

/**
 * @param nowMs epoch milliseconds
 * @param flights that have nothing else in the air: their places are free again
 * @returns territories whose fence held
 */
export async function completeLanes(
  database: Database,
  lanes: readonly LaneCompletion[],
  flights: readonly string[],
  nowMs: number,
): Promise<ReadonlySet<string>> {
  return database.transaction(async ({ run }) => {
    const rows = await run('complete/lock-lanes', [
      lanes.map(({ territoryId }) => territoryId),
      lanes.map(({ fence }) => fence),
      lanes.flatMap(({ alsoRest }) => alsoRest?.territoryIds ?? []),
    ]);
    const accepted = new Map(rows.map((row) => [row['territory_id'] as string, flightStartOf(row)]));
    const held = lanes.flatMap((lane): Landed[] => {
      const start = accepted.get(lane.territoryId);
      return start ? [{ lane, start }] : [];
    });
    if (held.length > 0) {
      await recordWork(run, held, nowMs);
      await giveBack(
        run,
        held.map(({ lane }) => lane),
      );
    }
    if (flights.length > 0) await run('complete/free-slots', [flights]);
    return new Set(accepted.keys());
  });
}

/** A lane whose fence held, and how its flight began. */
interface Landed {
  readonly lane: LaneCompletion;
  readonly start: FlightStart;
}

async function recordWork(run: Run, landed: readonly Landed[], nowMs: number): Promise<void> {
  const lanes = landed.map(({ lane }) => lane);
  const positions = [
    ...new Set(
      lanes.flatMap(({ progress, ended }) => [...progress, ...ended].map(({ position }) => position)),
    ),
  ];
  if (positions.length === 0) return;
  const rows = await run('complete/changes-of', [lanes.map(({ territoryId }) => territoryId), positions]);
  const known = new Map(rows.map((row) => [Number(row['position']), recordedProgressOf(row)]));
  // In the order in which an erasure locks them too.
  const records = landed
    .flatMap((one) => recordsOf(one, known, nowMs))
    .toSorted((a, b) => a.after.position - b.after.position);
  if (records.length === 0) return;
  await run('complete/record', [
    records.map(({ after }) => after.position),
    records.map(({ after }) => resultsText(after.results)),
    records.map(({ after }) => JSON.stringify(openRecords(after.assignments, after.results))),
    records.map(({ made }) => made?.attempts ?? 0),
    records.map(({ made }) => made?.conflicts ?? 0),
    records.map(({ after }) => JSON.stringify(after.trail)),
    records.map(({ ending }) => ending?.outcome ?? null),
    records.map(({ ending }) => (ending?.reason ? JSON.stringify(ending.reason) : null)),
    records.map(({ ending }) => ending?.deadLetterId ?? null),
    records.map(({ ending }) => ending?.holds === true),
  ]);
  await queueMessages(
    run,
    records.flatMap(({ ending, after: { position } }) =>
      (ending?.messages ?? []).map((message) => ({ message, position })),
    ),
  );
}

/** What a flight made of one change: added to what was recorded of it, and how it ended if it did. */
interface ChangeRecord {
  readonly after: RecordedProgress;
  readonly made: ChangeProgress | undefined;
  readonly ending: Ending | undefined;
}

/** Of the changes that are known to be pending; the others are passed over. */
function recordsOf(
  { lane, start }: Landed,
  known: ReadonlyMap<number, RecordedProgress>,
  nowMs: number,
): readonly ChangeRecord[] {
  const endings = new Map(lane.ended.map((ending) => [ending.position, ending]));
  const progress = new Map(lane.progress.map((made) => [made.position, made]));
  return [...new Set([...progress.keys(), ...endings.keys()])].flatMap((position): ChangeRecord[] => {
    const before = known.get(position);
    if (!before) return [];
    const made = progress.get(position);
    const ending = endings.get(position);
    if (!made) return [{ after: before, made, ending }];
    const steps = flightSteps(start, made, ending ? undefined : lane.wait, nowMs);
    return [{ after: withProgress(before, made, steps), made, ending }];
  });
}

async function giveBack(run: Run, lanes: readonly LaneCompletion[]): Promise<void> {
  await run('complete/give-back', [
    lanes.map(({ territoryId }) => territoryId),
    lanes.map(({ memory }) => memoryText(memory)),
    lanes.map(({ memory }) => forgettableFrom(memory)),
    lanes.map(({ wait }) => wait?.state ?? null),
    lanes.map(({ wait }) => wait?.delayMs ?? 0),
    lanes.map(({ memory }) => formatOf(memory)),
  ]);
  const holding = lanes.flatMap(({ territoryId, ended }) =>
    ended.flatMap(({ holds }) => (holds ? [territoryId] : [])),
  );
  if (holding.length > 0) await run('complete/hold', [holding]);
  const related = lanes.flatMap(({ alsoRest }) =>
    (alsoRest?.territoryIds ?? []).map((territoryId) => ({ territoryId, delayMs: alsoRest?.delayMs ?? 0 })),
  );
  if (related.length === 0) return;
  await run('complete/also-rest', [
    related.map(({ territoryId }) => territoryId),
    related.map(({ delayMs }) => delayMs),
  ]);
}
