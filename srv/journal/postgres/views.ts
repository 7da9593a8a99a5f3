/** The journal as operators see it. */
import type { OutcomeKind } from '../../events/outcome.ts';
import type { ChangeTrail, JournalFigures, LaneDetail, LaneState, LaneView, TrailStep } from '../port.ts';
import { trailStep } from '../history.ts';
import type { StoredStep } from './change-rows.ts';
import type { Row } from './database.ts';
import { flightStartOf, startSteps } from './flight-trail.ts';

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
  const owner = row['owner'] as string | null;
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
    ...(view.state === 'in-flight' && owner !== null && { owner }),
  };
}

/** Of a change in a lane, or that was in one. */
export function trailOf(row: Row): ChangeTrail {
  const outcome = row['outcome'] as OutcomeKind | null;
  const position = Number(row['position']);
  const start = flightStartOf(row);
  const flies = outcome === null && row['in_flight'] === true && start.intents.has(position);
  const run = (row['history'] as readonly StoredStep[]).map(trailStep);
  if (flies) run.push(...startSteps(start, position));
  if (outcome === 'failed') run.push(deadLetterStep(row));
  const discarded = row['discarded_ms'] as number | null;
  if (discarded !== null) run.push({ at: discarded, step: 'discarded' });
  return {
    ref: { source: row['source'] as string, id: row['id'] as string },
    territoryId: row['territory_id'] as string,
    position,
    state: outcome === null ? (flies ? 'in-flight' : 'pending') : 'ended',
    outcome: outcome ?? undefined,
    decision: row['decision'] as number,
    steps: [...receiptSteps(row), ...withPublications(run, row['published_ms'] as readonly number[])],
  };
}

/** Of what could not be read. */
export function unreadableTrailOf(row: Row): ChangeTrail {
  const at = row['received_ms'] as number;
  const discarded = row['discarded_ms'] as number | null;
  return {
    ref: { source: row['source'] as string, id: row['id'] as string },
    territoryId: undefined,
    position: undefined,
    state: 'ended',
    outcome: 'failed',
    decision: discarded === null ? 0 : 1,
    steps: [
      { at, step: 'received' },
      { at, step: 'dead-letter', detail: 'cannot be read' },
      ...(discarded === null ? [] : [{ at: discarded, step: 'discarded' } as const]),
    ],
  };
}

/** Of a later run they are in what was kept of the runs before. */
function receiptSteps(row: Row): readonly TrailStep[] {
  if (row['replayed'] === true) return [];
  return [
    { at: row['received_ms'] as number, step: 'received' },
    { at: row['appended_ms'] as number, step: 'appended' },
  ];
}

function deadLetterStep(row: Row): TrailStep {
  const code = row['code'] as string | null;
  return { at: row['ended_ms'] as number, step: 'dead-letter', ...(code !== null && { detail: code }) };
}

/** Each outcome was accepted after its run, and before whatever was decided later. */
function withPublications(steps: readonly TrailStep[], published: readonly number[]): readonly TrailStep[] {
  const all = [...steps];
  for (const at of published) {
    const decided = all.findIndex((made) => isDecision(made) && made.at > at);
    all.splice(decided === -1 ? all.length : decided, 0, { at, step: 'published' });
  }
  return all;
}

function isDecision({ step }: TrailStep): boolean {
  return step === 'replayed' || step === 'discarded';
}

/** The row of figures. */
export function figuresOf(row: Row): JournalFigures {
  const count = (name: string): number => Number(row[name] ?? 0);
  return {
    pendingChanges: count('pending'),
    oldestReceivedAt: (row['oldest_ms'] as number | null | undefined) ?? undefined,
    lanes: {
      ready: count('ready'),
      'in-flight': count('in_flight'),
      retrying: count('retrying'),
      resting: count('resting'),
      locked: count('locked'),
      held: count('held'),
      paused: count('paused'),
    },
    outboxUnsent: count('unsent'),
    instances: count('instances'),
  };
}
