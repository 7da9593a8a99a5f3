/** The journal as operators see it. */
import type { OutcomeKind } from '../../events/outcome.ts';
import type {
  ChangeTrail,
  HistoryStep,
  Intent,
  LaneDetail,
  LaneState,
  LaneView,
  TrailStep,
} from '../port.ts';
import { trailStep } from '../history.ts';
import type { Row } from './database.ts';

export function laneViewOf(row: Row): LaneView {
  const oldest = row['oldest_ms'] as number | null;
  const waits = row['waits_ms'] as number | null;
  return {
    territoryId: row['territory_id'] as string,
    state: row['state'] as LaneState,
    pending: row['pending'] as number,
    ...(oldest !== null && { oldestReceivedAt: oldest }),
    ...(waits !== null && { waitsUntil: Math.round(waits) }),
  };
}

export function laneDetailOf(row: Row, changes: readonly Row[]): LaneDetail {
  const view = laneViewOf(row);
  return {
    ...view,
    changes: changes.map((change) => ({
      ref: { source: change['source'] as string, id: change['id'] as string },
      position: Number(change['position']),
      receivedAt: change['received_ms'] as number,
      assignments: change['assignments'] as number,
      attempts: change['attempts'] as number,
    })),
    fence: Number(row['fence']),
    inFlight: view.state === 'in-flight',
  };
}

/** Of a change in a lane, or that was in one. When it was claimed and published is not kept. */
export function trailOf(row: Row): ChangeTrail {
  const outcome = row['outcome'] as OutcomeKind | null;
  const position = Number(row['position']);
  const flies = outcome === null && row['in_flight'] === true && isSending(row['intents'], position);
  const discarded = row['discarded_ms'] as number | null;
  const appended = row['appended_ms'] as number;
  const first: readonly TrailStep[] =
    row['replayed'] === true
      ? []
      : [
          { at: row['received_ms'] as number, step: 'received' },
          { at: appended, step: 'appended' },
        ];
  return {
    ref: { source: row['source'] as string, id: row['id'] as string },
    territoryId: row['territory_id'] as string,
    position,
    state: outcome === null ? (flies ? 'in-flight' : 'pending') : 'ended',
    outcome: outcome ?? undefined,
    decision: row['decision'] as number,
    steps: [
      ...first,
      ...(row['history'] as readonly HistoryStep[]).map(trailStep),
      ...(outcome === 'failed' ? [deadLetterStep(row)] : []),
      ...(discarded === null ? [] : [{ at: discarded, step: 'discarded' } as const]),
    ],
  };
}

/** Of what could not be read. */
export function unreadableTrailOf(row: Row): ChangeTrail {
  const at = row['received_ms'] as number;
  return {
    ref: { source: row['source'] as string, id: row['id'] as string },
    territoryId: undefined,
    position: undefined,
    state: 'ended',
    outcome: 'failed',
    decision: 0,
    steps: [
      { at, step: 'received' },
      { at, step: 'dead-letter', detail: 'cannot be read' },
    ],
  };
}

function deadLetterStep(row: Row): TrailStep {
  return {
    at: row['ended_ms'] as number,
    step: 'dead-letter',
    detail: (row['reason'] as string | null) ?? undefined,
  };
}

/** A request of the flight under way carries it. */
function isSending(intents: unknown, position: number): boolean {
  const texts = Object.values((intents ?? {}) as Readonly<Record<string, string>>);
  return texts.some((text) =>
    (JSON.parse(text) as Intent).covers.some((covered) => covered.position === position),
  );
}
