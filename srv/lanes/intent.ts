/** Turns a decided write into the exact request that will be stored, sent and, while in doubt, repeated. */
import type { Operation } from '../events/change.ts';
import type { ClaimedLane, Intent, RecordMemory } from '../journal/port.ts';
import { nameUuid } from '../platform/ids.ts';
import type { PlannedWrite } from './planned-write.ts';

const METHODS: Readonly<Record<Operation, string>> = { update: 'PATCH', create: 'POST', delete: 'DELETE' };

/** `decided` may differ from the plan: a create of what exists became an update. */
export function makeIntent(
  lane: ClaimedLane,
  write: PlannedWrite,
  decided: { readonly operation: Operation; readonly ifMatch?: string },
  memory: RecordMemory | undefined,
): Intent {
  const lowest = write.covers[0]?.position ?? 0;
  const decision = lane.changes.find(({ position }) => position === lowest)?.decision ?? 0;
  const { operation, ifMatch } = decided;
  const turn = turnOf(lane, write);
  const idempotencyKey = nameUuid(
    JSON.stringify([
      lane.territoryId,
      lowest,
      decision,
      write.id,
      METHODS[operation],
      ifMatch ?? null,
      write.fields,
      memory?.refusals ?? 0,
      ...(turn > 0 ? [turn] : []),
    ]),
  );
  return {
    request: {
      territoryId: lane.territoryId,
      id: write.id,
      operation,
      ifMatch,
      fields: write.fields,
      idempotencyKey,
      ...(write.transaction !== undefined && { transaction: write.transaction }),
    },
    covers: write.covers,
    supersedes: write.supersedes,
  };
}

/**
 * How many assignments of the same change name the record before this write does: create, delete and create again in one
 * change are two creates that may be equal to the letter, and must not share a key.
 */
function turnOf(lane: ClaimedLane, { id, covers }: PlannedWrite): number {
  const [first] = covers;
  const change = lane.changes.find(({ position }) => position === first?.position)?.change;
  return change?.assignments.slice(0, first?.index).filter((assignment) => assignment.id === id).length ?? 0;
}
