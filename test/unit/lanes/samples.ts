/** Small makers of lanes, changes and requests, so that a test names only what it is about. */
import type { AssignmentChange, Fields, Operation } from '../../../srv/events/change.ts';
import {
  NEW_RECORD,
  NO_MEMORY,
  type ClaimedLane,
  type Intent,
  type LaneMemory,
  type PendingChange,
  type RecordMemory,
} from '../../../srv/journal/port.ts';
import { Blame } from '../../../srv/lanes/blame.ts';
import type { FlightRules } from '../../../srv/lanes/decide.ts';
import type { JudgeContext } from '../../../srv/lanes/judge.ts';
import { LaneReport, type EndChange } from '../../../srv/lanes/lane-report.ts';
import type { PlannedWrite } from '../../../srv/lanes/planned-write.ts';
import type { WriteRequest } from '../../../srv/territory-api/port.ts';
import { outcomeOf } from '../../../srv/events/outcome.ts';
import { silent } from '../../doubles/silent-log.ts';

export function update(id: string, fields: Fields, before?: Fields): AssignmentChange {
  return { id, operation: 'update', fields, ...(before && { before }) };
}

export function create(id: string, fields: Fields): AssignmentChange {
  return { id, operation: 'create', fields };
}

export function remove(id: string): AssignmentChange {
  return { id, operation: 'delete', fields: {} };
}

/** A change at a position; where a result is given, that assignment has ended with it. */
export function pending(
  position: number,
  assignments: readonly AssignmentChange[],
  more: Partial<PendingChange> & { readonly relatedTo?: readonly string[] } = {},
): PendingChange {
  const { relatedTo = [], ...rest } = more;
  return {
    change: {
      id: `c${position}`,
      source: '/test',
      type: 'test',
      territoryId: 'NORTH',
      assignments,
      relatedTo,
    },
    payload: { body: Buffer.alloc(0), digest: `c${position}` },
    position,
    decision: 0,
    receivedAt: 0,
    results: assignments.map(() => undefined),
    attempts: 0,
    conflicts: 0,
    history: [],
    ...rest,
  };
}

export function lane(changes: readonly PendingChange[], memory: Partial<LaneMemory> = {}): ClaimedLane {
  return { territoryId: 'NORTH', fence: 7, changes, memory: { ...NO_MEMORY, ...memory } };
}

/** What a lane remembers of the records named. */
export function remembering(
  records: Readonly<Record<string, Partial<RecordMemory>>>,
): ReadonlyMap<string, RecordMemory> {
  return new Map(Object.entries(records).map(([id, memory]) => [id, { ...NEW_RECORD, ...memory }]));
}

export function planned(more: Partial<PlannedWrite> = {}): PlannedWrite {
  return {
    id: 'T1',
    operation: 'update',
    fields: { owner: 'E2' },
    before: {},
    covers: [{ position: 1, index: 0 }],
    supersedes: [],
    ...more,
  };
}

export function request(more: Partial<WriteRequest> = {}): WriteRequest {
  return {
    territoryId: 'NORTH',
    id: 'T1',
    operation: 'update',
    ifMatch: 'W/"1"',
    fields: { owner: 'E2' },
    idempotencyKey: `key of ${more.id ?? 'T1'}`,
    ...more,
  };
}

export function intent(more: Partial<Intent> = {}, operation: Operation = 'update'): Intent {
  return { request: request({ operation }), covers: [{ position: 1, index: 0 }], supersedes: [], ...more };
}

export const endChange: EndChange = ({ position }, _, results) => ({
  position,
  outcome: outcomeOf(results),
  messages: [],
});

/** A report on a lane with one change of one update, unless told otherwise. */
export function report(
  claimed = lane([pending(1, [update('T1', { owner: 'E2' })])]),
  prefixEnd?: number,
): LaneReport {
  return new LaneReport(claimed, prefixEnd ?? claimed.changes.at(-1)?.position ?? 0, 0);
}

export const RULES: FlightRules = {
  retry: { limit: 2, firstDelayMs: 2000, maxDelayMs: 32_000 },
  onOverlap: 'source-wins',
  ownEtags: 'trusted',
  propagation: { minMs: 2000, maxMs: 5000 },
  doubtLastsMs: 120_000,
};

/** No jitter, two retries, waits of 2 and 4 seconds. */
export function context(more: Partial<JudgeContext> = {}): JudgeContext {
  return {
    retry: RULES.retry,
    blame: new Blame(),
    log: silent,
    nowMs: 1000,
    landsBy: 100_000,
    fraction: 0,
    retryAfterMs: undefined,
    latestMs: RULES.propagation.maxMs,
    suspectConfiguration: () => undefined,
    ...more,
  };
}
