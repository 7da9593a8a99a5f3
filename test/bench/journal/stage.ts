/** A PostgreSQL journal with a database of its own, and what the benchmarks put into it and take out of it. */
import { createPostgresJournal, type PostgresJournal } from '../../../srv/journal/postgres/index.ts';
import {
  NO_MEMORY,
  type ChangeArrival,
  type ClaimedLane,
  type LaneCompletion,
} from '../../../srv/journal/port.ts';
import { systemClock } from '../../../srv/platform/clock.ts';
import { systemRandom } from '../../../srv/platform/random.ts';
import { intent, message } from '../../contract/journal/samples.ts';
import { journalOptions } from '../../integration/journal-options.ts';
import { newJournalDatabase, type OwnDatabase } from '../../integration/postgres-server.ts';

/** Different records of one lane: later changes of a record are merged with earlier ones, as in a flight. */
const RECORDS_PER_LANE = 10;
const LEASE_MS = 60_000;
/** Records of a flight, as the service's default. */
const FLIGHT_RECORDS = 50;
const PUBLISHED = 150;
const BODY = Buffer.from(JSON.stringify({ note: 'x'.repeat(400) }));

export interface Stage {
  readonly journal: PostgresJournal;
  readonly database: OwnDatabase;
  close(): Promise<void>;
}

export async function openStage(flights: number): Promise<Stage> {
  const database = await newJournalDatabase('running');
  const journal = createPostgresJournal(
    journalOptions(database, { instance: 'bench', concurrency: flights, poolSize: flights + 6 }),
  );
  await journal.start();
  return {
    journal,
    database,
    async close() {
      await journal.close();
      await database.drop();
    },
  };
}

/** `count` changes of one record each, in turn over `lanes` lanes. */
export function changesOver(lanes: number, count: number, prefix = 'L'): readonly ChangeArrival[] {
  const run = systemRandom.uuid();
  return Array.from({ length: count }, (_, index) => {
    const record = `T${Math.floor(index / lanes) % RECORDS_PER_LANE}`;
    return {
      kind: 'change',
      change: {
        id: `${run} ${index}`,
        source: '/default/crm/bench',
        type: 'cx.territory.assignments.changed.v1',
        territoryId: `${prefix}${index % lanes}`,
        assignments: [{ id: record, operation: 'update', fields: { owner: `E${index}` } }],
        relatedTo: [],
      },
      payload: { body: BODY, contentType: 'application/json', digest: `${index}` },
      receivedAt: systemClock.now(),
    };
  });
}

/** One batch after the other, as one receiver does. */
export async function appendAll(
  { journal }: Stage,
  arrivals: readonly ChangeArrival[],
  batch: number,
): Promise<void> {
  for (let from = 0; from < arrivals.length; from += batch) {
    await journal.append(arrivals.slice(from, from + batch));
  }
}

/** Ends everything that is ready in so many flights at a time, and publishes all outcomes. @returns changes ended */
export async function drain(stage: Stage, flights: number): Promise<number> {
  let ended = 0;
  let flying = flights;
  let landings = 0;
  let wake = (): void => undefined;
  const landed = (): void => {
    landings += 1;
    wake();
  };
  const fly = async (): Promise<void> => {
    for (let lanes = await claim(stage); lanes.length > 0; lanes = await claim(stage)) {
      await stage.journal.storeIntents(lanes.map(intentsOf));
      await stage.journal.complete(lanes.map(completionOf));
      ended += lanes.reduce((sum, { changes }) => sum + changes.length, 0);
      landed();
    }
    flying -= 1;
    landed();
  };
  // As the service's publisher, which is told when there is something to send.
  const publish = async (): Promise<void> => {
    for (;;) {
      const seen = landings;
      const messages = await stage.journal.takeUnsent(PUBLISHED);
      if (messages.length > 0) {
        await stage.journal.markSent(messages.map(({ id }) => id));
      } else if (landings === seen) {
        if (flying === 0) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  };
  await Promise.all([...Array.from({ length: flights }, fly), publish()]);
  return ended;
}

export function claim({ journal }: Stage): Promise<readonly ClaimedLane[]> {
  return journal.claim({ records: FLIGHT_RECORDS, leaseMs: LEASE_MS });
}

/** Gives the lanes back as they were. */
export function nothingDone(lane: ClaimedLane): LaneCompletion {
  return { territoryId: lane.territoryId, fence: lane.fence, progress: [], ended: [], memory: lane.memory };
}

/** One write for each record. */
function intentsOf(lane: ClaimedLane) {
  const byRecord = new Map<string, number[]>();
  for (const { position, change } of lane.changes) {
    const record = change.assignments[0]?.id ?? '';
    byRecord.set(record, [...(byRecord.get(record) ?? []), position]);
  }
  const intents = [...byRecord].map(([record, positions]) => intent(lane.territoryId, record, positions));
  return { territoryId: lane.territoryId, fence: lane.fence, intents };
}

function completionOf(lane: ClaimedLane): LaneCompletion {
  const at = systemClock.now();
  return {
    territoryId: lane.territoryId,
    fence: lane.fence,
    progress: lane.changes.map(({ position, change: { assignments } }) => ({
      position,
      results: new Map(
        assignments.map(({ id }, index) => [index, { id, result: 'updated' as const, etag: 'W/"2"' }]),
      ),
      attempts: 1,
      conflicts: 0,
      history: [{ at, step: 'applied' }],
    })),
    ended: lane.changes.map(({ position, change: { id } }) => ({
      position,
      outcome: 'applied',
      messages: [message(id)],
    })),
    memory: { ...NO_MEMORY, prefixEnd: lane.changes.at(-1)?.position ?? 0 },
  };
}
