/** Changes as rows: written as JSON text, so that what is read is to the byte what was written. */
import type { AssignmentChange, Fields, TerritoryChange } from '../../events/change.ts';
import type { AssignmentResult } from '../../events/outcome.ts';
import { boundedHistory, historyIn } from '../history.ts';
import type { ChangeProgress, HistoryStep, PendingChange, Replay, TrailStep } from '../port.ts';
import type { Row } from './database.ts';

/** What earlier flights made of a change. */
export interface RecordedProgress {
  readonly position: number;
  readonly assignments: readonly AssignmentChange[];
  readonly results: readonly (AssignmentResult | undefined)[];
  readonly trail: readonly StoredStep[];
}

/** What is kept of a change's path: what flights report, and what the journal itself has seen. */
export type StoredStep = HistoryStep | TrailStep;

/** A row of claimed-changes. */
export function pendingChangeOf(row: Row): PendingChange {
  const change = changeOf(row['change']);
  return {
    change,
    payload: {
      body: row['body'] as Buffer,
      contentType: (row['content_type'] as string | null) ?? undefined,
      digest: row['digest'] as string,
    },
    position: Number(row['position']),
    decision: row['decision'] as number,
    receivedAt: row['received_ms'] as number,
    results: resultsOf(row['results'], change.assignments.length),
    attempts: row['attempts'] as number,
    conflicts: row['conflicts'] as number,
    history: historyIn(row['history'] as readonly StoredStep[]),
    ...(row['replay'] !== null && { replay: row['replay'] as Replay }),
  };
}

/** A row of changes-of. */
export function recordedProgressOf(row: Row): RecordedProgress {
  const { assignments } = row['change'] as TerritoryChange;
  return {
    position: Number(row['position']),
    assignments,
    results: resultsOf(row['results'], assignments.length),
    trail: row['history'] as readonly StoredStep[],
  };
}

/** The flight's work and steps added to what was recorded before; a result once there is never replaced. */
export function withProgress(
  recorded: RecordedProgress,
  made: ChangeProgress,
  steps: readonly StoredStep[],
): RecordedProgress {
  return {
    ...recorded,
    results: recorded.results.map((known, index) => known ?? made.results.get(index)),
    trail: boundedHistory([...recorded.trail, ...steps]),
  };
}

/** Ids of the records that are still to be written, each once. */
export function openRecords(
  assignments: readonly AssignmentChange[],
  results: readonly (AssignmentResult | undefined)[],
): readonly string[] {
  return [...new Set(assignments.filter((_, index) => !results[index]).map(({ id }) => id))];
}

export function resultsText(results: readonly (AssignmentResult | undefined)[]): string {
  return JSON.stringify(results.map((result) => result ?? null));
}

/** Fields get no prototype, as the events layer makes them: a field named `__proto__` is only a field. */
export function fieldsOf(fields: Fields): Fields {
  return Object.assign(Object.create(null) as Record<string, Fields[string]>, fields);
}

/** As it was stored. */
export function changeOf(value: unknown): TerritoryChange {
  const change = value as TerritoryChange;
  return {
    ...change,
    assignments: change.assignments.map((assignment) => ({
      ...assignment,
      fields: fieldsOf(assignment.fields),
      ...(assignment.before && { before: fieldsOf(assignment.before) }),
    })),
  };
}

function resultsOf(value: unknown, assignments: number): (AssignmentResult | undefined)[] {
  const stored = value as readonly (AssignmentResult | null)[];
  return Array.from({ length: assignments }, (_, index) => stored[index] ?? undefined);
}
