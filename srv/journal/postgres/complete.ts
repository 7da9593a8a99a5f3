/** Records what flights did and gives their lanes back: one transaction for all of them, each lane by its own fence. */
import type { Ending, LaneCompletion } from '../port.ts';
import {
  openRecords,
  recordedProgressOf,
  resultsText,
  withProgress,
  type RecordedProgress,
} from './change-rows.ts';
import type { Database, Run } from './database.ts';
import { flightStartOf, flightSteps, type FlightStart } from './flight-trail.ts';
import { FORMAT } from './format.ts';
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
  const ended = lanes.flatMap((lane) => lane.ended);
  const made = lanes.flatMap(({ progress }) => progress);
  const positions = [...new Set([...made, ...ended].map(({ position }) => position))];
  if (positions.length === 0) return;
  const rows = await run('complete/changes-of', [lanes.map(({ territoryId }) => territoryId), positions]);
  const recorded = new Map(rows.map((row) => [Number(row['position']), recordedProgressOf(row)]));
  await recordProgress(run, landed, recorded, nowMs);
  await recordEndings(
    run,
    ended.filter(({ position }) => recorded.has(position)),
  );
}

async function recordProgress(
  run: Run,
  landed: readonly Landed[],
  recorded: ReadonlyMap<number, RecordedProgress>,
  nowMs: number,
): Promise<void> {
  const changed = landed.flatMap(({ lane, start }) => {
    const ended = new Set(lane.ended.map(({ position }) => position));
    return lane.progress.flatMap((progress) => {
      const known = recorded.get(progress.position);
      if (!known) return [];
      const wait = ended.has(progress.position) ? undefined : lane.wait;
      const steps = flightSteps(start, progress, wait, nowMs);
      return [{ progress, after: withProgress(known, progress, steps) }];
    });
  });
  if (changed.length === 0) return;
  await run('complete/record-progress', [
    changed.map(({ progress }) => progress.position),
    changed.map(({ after }) => resultsText(after.results)),
    changed.map(({ after }) => JSON.stringify(openRecords(after.assignments, after.results))),
    changed.map(({ progress }) => progress.attempts),
    changed.map(({ progress }) => progress.conflicts),
    changed.map(({ after }) => JSON.stringify(after.trail)),
  ]);
}

async function recordEndings(run: Run, ended: readonly Ending[]): Promise<void> {
  if (ended.length === 0) return;
  await run('complete/record-outcomes', [
    ended.map(({ position }) => position),
    ended.map(({ outcome }) => outcome),
    ended.map(({ reason }) => (reason ? JSON.stringify(reason) : null)),
    ended.map(({ deadLetterId }) => deadLetterId ?? null),
    ended.map(({ holds }) => holds === true),
  ]);
  await queueMessages(
    run,
    ended.flatMap(({ messages, position }) => messages.map((message) => ({ message, position }))),
  );
}

async function giveBack(run: Run, lanes: readonly LaneCompletion[]): Promise<void> {
  await run('complete/give-back', [
    lanes.map(({ territoryId }) => territoryId),
    lanes.map(({ memory }) => memoryText(memory)),
    lanes.map(({ memory }) => forgettableFrom(memory)),
    lanes.map(({ wait }) => wait?.state ?? null),
    lanes.map(({ wait }) => wait?.delayMs ?? 0),
    lanes.map(() => FORMAT),
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
