/** Lanes for flights: claimed with a place among all flights, kept, and given back with what was done. */
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { ClaimedLane, ClaimRequest, LaneClaim, LaneCompletion, LaneIntents } from '../port.ts';
import type { Announcements } from './announcements.ts';
import { readClaimed } from './claimed-lanes.ts';
import { Claims } from './claims.ts';
import { completeLanes } from './complete.ts';
import type { Database, Row } from './database.ts';
import { FORMAT } from './format.ts';
import { intentsText, memoryOf } from './memory-rows.ts';
import type { Patiently } from './patience.ts';

/** Changes of one lane that a claim hands out, per record of the flight and at least: several change the same record. */
const CHANGES_PER_RECORD = 4;
const CHANGES_PER_LANE = 200;
/** Lanes that a claim looks at for those that fit, beyond the records wanted. */
const MORE_LANES = 20;

export interface FlightsOptions {
  readonly database: Database;
  readonly announcements: Announcements;
  readonly patiently: Patiently;
  readonly clock: Clock;
  readonly random: Random;
  readonly instance: string;
  /** Flights at a time over all instances; undefined: no limit of the journal's. */
  readonly concurrency: number | undefined;
  readonly closing: AbortSignal;
}

export class Flights {
  private readonly options: FlightsOptions;
  private readonly claims = new Claims();

  constructor(options: FlightsOptions) {
    this.options = options;
  }

  async claim({ records, leaseMs }: ClaimRequest): Promise<readonly ClaimedLane[]> {
    const { database, instance, concurrency, random, closing, patiently } = this.options;
    if (closing.aborted) return [];
    const flight = random.uuid();
    const perLane = Math.max(CHANGES_PER_LANE, CHANGES_PER_RECORD * records);
    const lanes = await database.run('claim/claim', [
      records,
      leaseMs,
      instance,
      FORMAT,
      perLane,
      records + MORE_LANES,
      concurrency ?? null,
      flight,
    ]);
    if (lanes.length === 0) return [];
    const claimed = lanes.map((row) => ({
      territoryId: row['territory_id'] as string,
      fence: Number(row['fence']),
      memory: memoryOf(row['memory'], row['intents'] as Readonly<Record<string, string>>),
    }));
    this.claims.add(flight, claimed);
    // With patience: the lanes are ours already, and nobody else's before the lease ends.
    return patiently(() => readClaimed(database.run, claimed, perLane));
  }

  async renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>> {
    const { database, concurrency } = this.options;
    const rows = await database.run('renew/renew', [...claimColumns(claims), leaseMs]);
    const held = territoriesOf(rows);
    const flights = this.claims.flightsOf(claims.filter(({ territoryId }) => held.has(territoryId)));
    if (flights.length > 0 && concurrency !== undefined) {
      await database.run('renew/renew-slots', [flights, leaseMs]);
    }
    return held;
  }

  async storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    const { database, patiently } = this.options;
    const values = [...claimColumns(lanes), lanes.map(({ intents }) => intentsText(intents))];
    return territoriesOf(await patiently(() => database.run('store-intents/store-intents', values)));
  }

  async complete(lanes: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    const { database, patiently, clock, announcements } = this.options;
    const flights = this.claims.flightsOnlyOf(lanes);
    const accepted = await patiently(() => completeLanes(database, lanes, flights, clock.now()));
    this.claims.remove(lanes);
    announcements.tell();
    return accepted;
  }

  async nextDueMs(): Promise<number | undefined> {
    const { database, concurrency, instance } = this.options;
    const [row] = await database.run('due/next-due', [FORMAT, concurrency ?? null, instance]);
    return row && (row['due_ms'] as number);
  }

  /** Gives back what has not been completed. */
  async leave(): Promise<void> {
    const { database } = this.options;
    const claims = this.claims.all();
    if (claims.length > 0) await database.run('instance/leave-lanes', claimColumns(claims));
    const flights = this.claims.flightsOf(claims);
    if (flights.length > 0) await database.run('complete/free-slots', [flights]);
  }
}

function claimColumns(claims: readonly LaneClaim[]): [string[], number[]] {
  return [claims.map(({ territoryId }) => territoryId), claims.map(({ fence }) => fence)];
}

function territoriesOf(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.map((row) => row['territory_id'] as string));
}
