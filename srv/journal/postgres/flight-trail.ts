/**
 * The steps of a flight that the journal has seen itself: its claim, its intents and the wait after it. Written with what the
 * flight reports when it is completed; until then they are read off the lane.
 */
import type { ChangeProgress, Intent, LaneCompletion, TrailStep } from '../port.ts';
import type { StoredStep } from './change-rows.ts';
import type { Row } from './database.ts';

/** A lane's claim and intents, as its row tells them. */
export interface FlightStart {
  /** Epoch milliseconds; undefined where a version before this one claimed it. */
  readonly claimedAt: number | undefined;
  /** By position: what is about to be sent, or was. */
  readonly intents: ReadonlyMap<number, readonly TrailStep[]>;
}

/** @param row with claimed_ms, intents_ms and intents */
export function flightStartOf(row: Row): FlightStart {
  const at = Math.round((row['intents_ms'] as number | null) ?? 0);
  const intents = new Map<number, TrailStep[]>();
  for (const text of Object.values((row['intents'] ?? {}) as Readonly<Record<string, string>>)) {
    const { request, covers } = JSON.parse(text) as Intent;
    for (const position of new Set(covers.map((covered) => covered.position))) {
      const steps = intents.get(position) ?? [];
      steps.push({ at, step: 'intent', assignment: request.id });
      intents.set(position, steps);
    }
  }
  const claimedMs = row['claimed_ms'] as number | null;
  return { claimedAt: claimedMs === null ? undefined : Math.round(claimedMs), intents };
}

/** From the claim to the intents, of one change. */
export function startSteps({ claimedAt, intents }: FlightStart, position: number): readonly TrailStep[] {
  const claimed: readonly TrailStep[] = claimedAt === undefined ? [] : [{ at: claimedAt, step: 'claimed' }];
  return [...claimed, ...(intents.get(position) ?? [])];
}

/**
 * All that a flight did about one change; nothing of one that it only carried along.
 * @param wait that of the lane, where the change has not ended
 * @param nowMs epoch milliseconds
 */
export function flightSteps(
  start: FlightStart,
  { position, attempts, results, history }: ChangeProgress,
  wait: LaneCompletion['wait'],
  nowMs: number,
): readonly StoredStep[] {
  if (attempts === 0 && results.size === 0 && history.length === 0) return [];
  const waiting: readonly TrailStep[] = wait
    ? [{ at: nowMs, step: 'waiting', detail: `${wait.state}, ${Math.round(wait.delayMs)} ms` }]
    : [];
  return [...startSteps(start, position), ...history, ...waiting];
}
