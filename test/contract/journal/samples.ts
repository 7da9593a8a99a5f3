/** What the journal's suites append, claim and complete: the smallest things that the port takes. */
import type {
  Arrival,
  ChangeArrival,
  ClaimedLane,
  Intent,
  Journal,
  LaneCompletion,
  LaneMemory,
  OutboxMessage,
  UnreadableArrival,
} from '../../../srv/journal/port.ts';
import { NO_MEMORY } from '../../../srv/journal/port.ts';
import type { AssignmentResult } from '../../../srv/events/outcome.ts';

export const SOURCE = '/default/crm/test';
export const RECEIVED_AT = Date.UTC(2026, 10, 22, 9);

/** Longer than any test takes, unless it lets time pass. */
export const LEASE_MS = 60_000;

/** A change of these records. `digest` stands for its payload. */
export function change(
  id: string,
  territoryId: string,
  { records = ['T1'], digest = `payload of ${id}` }: { records?: readonly string[]; digest?: string } = {},
): ChangeArrival {
  return {
    kind: 'change',
    change: {
      id,
      source: SOURCE,
      type: 'cx.territory.assignments.changed.v1',
      territoryId,
      assignments: records.map((record) => ({ id: record, operation: 'update', fields: { owner: id } })),
      relatedTo: [],
    },
    payload: { body: Buffer.from(`bytes of ${id}`), contentType: 'application/json', digest },
    receivedAt: RECEIVED_AT,
  };
}

export function unreadable(
  id: string,
  { digest = `bytes of ${id}`, messages = [message(`dead letter ${id}`, 'dead-letter')] } = {},
): UnreadableArrival {
  return {
    kind: 'unreadable',
    ref: { source: SOURCE, id },
    payload: { body: Buffer.from([0xff, 0x00]), digest },
    receivedAt: RECEIVED_AT,
    messages,
    letter: {
      id: `dead letter ${id} ${digest}`,
      decision: 0,
      reason: { code: 'INVALID_EVENT', message: 'it cannot be read' },
      envelope: { properties: {} },
    },
  };
}

export function message(id: string, kind: OutboxMessage['kind'] = 'outcome'): OutboxMessage {
  return {
    id,
    kind,
    message: {
      to: { kind: 'topic', name: 'outcomes' },
      body: Buffer.from(id),
      contentType: 'text/plain',
      messageId: id,
    },
  };
}

/** An intent for the first record of each change at these positions. */
export function intent(territoryId: string, record: string, positions: readonly number[]): Intent {
  const [first = 0] = positions;
  return {
    request: {
      territoryId,
      id: record,
      operation: 'update',
      ifMatch: 'W/"1"',
      fields: { owner: 'E1' },
      idempotencyKey: `key ${territoryId} ${record} ${first}`,
    },
    covers: positions.map((position) => ({ position, index: 0 })),
    supersedes: [],
  };
}

/** What a flight leaves behind: of the lane's changes, it ends the first `ends` and has begun the first `begins`. */
export interface Flown {
  readonly begins?: number;
  readonly ends?: number;
  readonly wait?: LaneCompletion['wait'];
  readonly alsoRest?: LaneCompletion['alsoRest'];
  readonly memory?: Partial<LaneMemory>;
}

/** Without anything said, it ends all changes. Each one that ends has one message, named after it. */
export function completion(lane: ClaimedLane, flown: Flown = {}): LaneCompletion {
  const { ends = lane.changes.length, wait, alsoRest } = flown;
  const begun = lane.changes.slice(0, Math.max(flown.begins ?? 0, ends));
  const prefixEnd = begun.at(-1)?.position ?? lane.memory.prefixEnd;
  return {
    territoryId: lane.territoryId,
    fence: lane.fence,
    progress: begun.map(({ position, change: { assignments } }, index) => ({
      position,
      results: new Map(index < ends ? assignments.map(({ id }, at) => [at, updated(id)] as const) : []),
      attempts: 1,
      conflicts: 0,
      history: [{ at: RECEIVED_AT, step: 'applied' }],
    })),
    ended: begun.slice(0, ends).map(({ position, change: { id } }) => ({
      position,
      outcome: 'applied',
      messages: [message(`outcome of ${id}`)],
    })),
    memory: { ...NO_MEMORY, prefixEnd, ...flown.memory },
    wait,
    alsoRest,
  };
}

function updated(id: string): AssignmentResult {
  return { id, result: 'updated', etag: 'W/"2"' };
}

/** Claims the one lane that is ready; it is an error if there is none or another one too. */
export async function claimOnly(journal: Journal, leaseMs = LEASE_MS): Promise<ClaimedLane> {
  const lanes = await journal.claim({ records: 1000, leaseMs });
  const [lane] = lanes;
  if (!lane || lanes.length > 1) throw new Error(`one lane was to be ready, not ${lanes.length}`);
  return lane;
}

/** Appends and tells the positions; it is an error if anything was not new. */
export async function appendNew(journal: Journal, arrivals: readonly Arrival[]): Promise<number[]> {
  const results = await journal.append(arrivals);
  return results.map((result) => {
    if (result.kind !== 'appended') throw new Error(`expected something new, not ${result.kind}`);
    return result.position;
  });
}

/** Ids of a lane's changes, in the order given to its owner. */
export function idsOf(lane: ClaimedLane | undefined): string[] {
  return (lane?.changes ?? []).map(({ change: { id } }) => id);
}

/** Publishes everything unsent, as a mesh that accepts it. */
export async function sendAll(journal: Journal): Promise<void> {
  for (;;) {
    const messages = await journal.takeUnsent(100);
    if (messages.length === 0) return;
    await journal.markSent(messages.map(({ id }) => id));
  }
}
