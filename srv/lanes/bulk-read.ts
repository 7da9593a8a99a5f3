/**
 * Reads the records of a whole flight in one call. Where that call meets trouble, the lanes of it are read one by one the
 * next time: a record that the API cannot read then holds up its own territory and no other.
 */
import type { ApiTrouble, RecordState, TerritoryApi } from '../territory-api/port.ts';
import type { LaneReading, Passenger } from './decide.ts';

/** What was read of each lane; undefined for a lane that met trouble while others were answered. */
export interface FlightReading {
  readonly kind: 'reading';
  of(passenger: Passenger): LaneReading | undefined;
}

const NOTHING_TO_READ: LaneReading = { proof: false, records: new Map() };

export class BulkReads {
  /** Territories whose last read met trouble. */
  private readonly troubled = new Set<string>();

  /** `trouble` where no call at all was answered: then it is the API's, not a lane's. */
  async read(
    passengers: readonly Passenger[],
    api: TerritoryApi,
    signal: AbortSignal,
  ): Promise<FlightReading | { readonly kind: 'trouble'; readonly trouble: ApiTrouble }> {
    const readings = new Map<Passenger, LaneReading>();
    let trouble: ApiTrouble | undefined;
    for (const group of this.groups(passengers)) {
      trouble = (await this.readGroup(group, api, signal, readings)) ?? trouble;
    }
    const wanted = passengers.filter(({ plan }) => plan.writes.length > 0);
    if (trouble && wanted.every((passenger) => !readings.has(passenger))) return { kind: 'trouble', trouble };
    return {
      kind: 'reading',
      of: (passenger) => (passenger.plan.writes.length > 0 ? readings.get(passenger) : NOTHING_TO_READ),
    };
  }

  /** The lanes that are read together, then each troubled one by itself. */
  private groups(passengers: readonly Passenger[]): readonly (readonly Passenger[])[] {
    const wanted = passengers.filter(({ plan }) => plan.writes.length > 0);
    const alone = wanted.filter((passenger) => this.troubled.has(passenger.report.lane.territoryId));
    const together = wanted.filter((passenger) => !alone.includes(passenger));
    return [together, ...alone.map((passenger) => [passenger])].filter((group) => group.length > 0);
  }

  private async readGroup(
    group: readonly Passenger[],
    api: TerritoryApi,
    signal: AbortSignal,
    readings: Map<Passenger, LaneReading>,
  ): Promise<ApiTrouble | undefined> {
    const wanted = group.flatMap((passenger) => passenger.plan.writes.map((write) => ({ passenger, write })));
    const answer = await api.read(
      {
        records: wanted.map(({ passenger, write }) => ({
          territoryId: passenger.report.lane.territoryId,
          id: write.id,
        })),
        fields: [...new Set(wanted.flatMap(({ write }) => Object.keys(write.fields)))],
        pastCache: wanted.some(({ passenger, write }) => passenger.report.memoryOf(write.id) !== undefined),
      },
      signal,
    );
    for (const { report } of group) {
      if (answer.kind === 'trouble') this.troubled.add(report.lane.territoryId);
      else this.troubled.delete(report.lane.territoryId);
    }
    if (answer.kind === 'trouble') return answer.trouble;
    const states = new Map<Passenger, Map<string, RecordState>>(
      group.map((passenger) => [passenger, new Map()]),
    );
    for (const [index, { passenger, write }] of wanted.entries()) {
      states.get(passenger)?.set(write.id, answer.records[index] ?? { found: false });
    }
    for (const [passenger, records] of states) readings.set(passenger, { proof: answer.proof, records });
    return undefined;
  }
}
