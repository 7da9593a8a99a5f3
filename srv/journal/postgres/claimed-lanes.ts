/** The second half of a claim: the changes of the lanes just claimed, and of replays what came after them. */
import type { ClaimedLane, LaterOnRecord, PendingChange } from '../port.ts';
import { pendingChangeOf } from './change-rows.ts';
import type { Run } from './database.ts';

/** @param perLane changes of one lane at most */
export async function readClaimed(
  run: Run,
  lanes: readonly Omit<ClaimedLane, 'changes'>[],
  perLane: number,
): Promise<readonly ClaimedLane[]> {
  const territories = lanes.map(({ territoryId }) => territoryId);
  const rows = await run('claimed-changes/claimed-changes', [territories, perLane]);
  const changes = new Map<string, PendingChange[]>(territories.map((territoryId) => [territoryId, []]));
  const replays: PendingChange[] = [];
  for (const row of rows) {
    const pending = pendingChangeOf(row);
    changes.get(row['territory_id'] as string)?.push(pending);
    // Of a dead letter that was in no lane, nothing came later.
    if (pending.replay && !pending.replay.overwrite && row['run'] === '') replays.push(pending);
  }
  const later = await readLater(run, replays);
  return lanes.map((lane) => ({
    ...lane,
    changes: (changes.get(lane.territoryId) ?? []).map((pending) => {
      const mine = later.get(pending.position);
      return mine ? { ...pending, later: mine } : pending;
    }),
  }));
}

/** By position of the replay. */
async function readLater(
  run: Run,
  replays: readonly PendingChange[],
): Promise<ReadonlyMap<number, ReadonlyMap<string, LaterOnRecord>>> {
  const later = new Map(replays.map(({ position }) => [position, new Map<string, LaterOnRecord>()]));
  if (replays.length === 0) return later;
  const rows = await run('claimed-changes/later-changes', [
    replays.map(({ change }) => change.territoryId),
    replays.map(({ position }) => position),
  ]);
  for (const row of rows) {
    later.get(Number(row['position']))?.set(row['record'] as string, {
      fields: new Set(row['fields'] as readonly string[]),
      deleted: row['deleted'] as boolean,
    });
  }
  return later;
}
