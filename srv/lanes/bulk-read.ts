/**
 * Reads the records of a whole flight in one call, but for those whose ETag is known from our own last write. Where that call meets trouble, its records are told apart the next time
 * (`suspects.ts`): a record that the API cannot read is judged by itself, and holds up no other.
 */
import type { ApiTrouble, ReadRequest, RecordState, TerritoryApi } from '../territory-api/port.ts';
import type { LaneReading, Passenger, RecordReading } from './decide.ts';
import { OwnEtagTrust } from './own-etag-trust.ts';
import type { PlannedWrite } from './planned-write.ts';
import { Suspects, type Asked, type Searched } from './suspects.ts';

/** What was read for each lane. */
export interface FlightReading {
  readonly kind: 'reading';
  of(passenger: Passenger): LaneReading;
}

/** One record to be read, and for whom. */
interface Wanted {
  readonly territoryId: string;
  readonly id: string;
  readonly passenger: Passenger;
  readonly write: PlannedWrite;
}

interface Found {
  readonly state: RecordState;
  readonly proof: boolean;
}

export class BulkReads {
  readonly suspects: Suspects;
  readonly ownEtags = new OwnEtagTrust();

  /** @param parallel requests of one search under way at a time */
  constructor(parallel = 1) {
    this.suspects = new Suspects(parallel);
  }

  /** `trouble` where no call at all was answered: then it is the API's, not a record's. */
  async read(
    passengers: readonly Passenger[],
    api: TerritoryApi,
    signal: AbortSignal,
  ): Promise<FlightReading | { readonly kind: 'trouble'; readonly trouble: ApiTrouble }> {
    const wanted = passengers.flatMap((passenger) =>
      passenger.plan.writes
        .filter(({ id }) => !passenger.withoutRead.has(id))
        .map((write): Wanted => {
          const { territoryId } = passenger.report.lane;
          return { territoryId, id: write.id, passenger, write };
        }),
    );
    const found =
      wanted.length === 0 ? [] : await this.suspects.ask(wanted, (part) => readPart(part, api, signal));
    const trouble = found.find((one) => one.kind === 'trouble');
    if (trouble && found.every(({ kind }) => kind === 'trouble')) {
      return { kind: 'trouble', trouble: trouble.trouble };
    }
    const readings = new Map(passengers.map((passenger) => [passenger, new Map<string, RecordReading>()]));
    for (const [index, { passenger, id }] of wanted.entries()) {
      readings.get(passenger)?.set(id, readingOf(found[index]));
    }
    return { kind: 'reading', of: (passenger) => readings.get(passenger) ?? new Map() };
  }
}

async function readPart(
  part: readonly Wanted[],
  api: TerritoryApi,
  signal: AbortSignal,
): Promise<readonly Asked<Found>[]> {
  const answer = await api.read(requestFor(part), signal);
  if (answer.kind === 'trouble') return part.map(() => ({ ...answer, sent: true }));
  return part.map((_, index) => ({
    kind: 'answered',
    answer: { state: answer.records[index] ?? { found: false }, proof: answer.proof },
  }));
}

/** Past the cache as soon as anything is remembered of a record: after a conflict only a fresh read helps. */
function requestFor(part: readonly Wanted[]): ReadRequest {
  return {
    records: part.map(({ territoryId, id }) => ({ territoryId, id })),
    fields: [...new Set(part.flatMap(({ write }) => Object.keys(write.fields)))],
    pastCache: part.some(({ passenger, id }) => passenger.report.memoryOf(id) !== undefined),
  };
}

function readingOf(found: Searched<Found> | undefined): RecordReading {
  switch (found?.kind) {
    case 'answered':
      return { kind: 'read', ...found.answer };
    case 'culprit':
      return { kind: 'failed', trouble: found.trouble };
    case 'trouble':
    case 'not-asked':
    case undefined:
      return { kind: 'unread' };
  }
}
