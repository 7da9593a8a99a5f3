/**
 * The simulator's late caches behind the port itself, on a clock that a loop moves: minutes of propagation in milliseconds, and no
 * network between a rule and its figures.
 */
import type { Clock } from '../../../srv/platform/clock.ts';
import type {
  ReadAnswer,
  ReadRequest,
  RecordAnswer,
  RecordsPerRequest,
  TerritoryApi,
  WriteAnswer,
  WriteRequest,
} from '../../../srv/territory-api/port.ts';
import {
  learningTimes,
  ReplicatedRecord,
  type CacheModel,
} from '../../sandbox/territory-api/replicated-record.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

/** A write that was done, and until when some node did not know of it: both monotonic milliseconds. */
export interface Landed {
  readonly record: string;
  readonly atMs: number;
  readonly knownMs: number;
}

export interface Pace {
  readonly requestMs: number;
  readonly perRecordMs: number;
  /** By default many. */
  readonly perRequest?: RecordsPerRequest;
}

/** Of one flight under way at a time, where each record takes one of its own; as `sales-cloud` has it. */
const REQUESTS_PER_FLIGHT = 2;

export class NodeApi implements TerritoryApi {
  readonly landed: Landed[] = [];
  /** Records of each bulk write. */
  readonly bulks: number[] = [];
  requests = 0;
  writes = 0;
  conflicts = 0;
  private readonly clock: Clock;
  private readonly caches: CacheModel;
  private readonly pace: Pace;
  private readonly random: SeededRandom;
  private readonly records = new Map<string, ReplicatedRecord>();

  constructor(clock: Clock, caches: CacheModel, pace: Pace, seed: number) {
    this.clock = clock;
    this.caches = caches;
    this.pace = pace;
    this.random = new SeededRandom(seed, 'nodes and lags');
  }

  async probe(): Promise<undefined> {
    return undefined;
  }

  async read({ records }: ReadRequest): Promise<ReadAnswer> {
    await this.pass(records.length);
    const node = this.random.below(this.caches.nodes);
    const states = records.map(({ id }) => {
      const { version } = this.of(id).read(node, this.clock.monotonicMs());
      return { found: true as const, etag: `W/"${version.number}"`, fields: version.fields ?? {} };
    });
    return { kind: 'read', records: states, proof: this.caches.maxLagMs === 0, cacheStatus: [] };
  }

  async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    this.bulks.push(requests.length);
    await this.pass(requests.length);
    const node = this.random.below(this.caches.nodes);
    return { kind: 'answered', records: requests.map((request) => this.writeAt(node, request)) };
  }

  /** Another program's write. */
  writeForeign(id: string, fields: Readonly<Record<string, string>>): void {
    this.commit(id, this.random.below(this.caches.nodes), fields);
  }

  private async pass(records: number): Promise<void> {
    const { requestMs, perRecordMs, perRequest } = this.pace;
    const each = perRequest === 'one';
    this.requests += each ? records : 1;
    const delayMs = each
      ? Math.ceil(records / REQUESTS_PER_FLIGHT) * (requestMs + perRecordMs)
      : requestMs + records * perRecordMs;
    await new Promise<void>((resolve) => this.clock.after(delayMs, resolve));
  }

  private writeAt(node: number, { id, ifMatch, fields }: WriteRequest): RecordAnswer {
    this.writes += 1;
    const record = this.of(id);
    const knows = record.isKnownTo(node, this.clock.monotonicMs());
    if (!knows || ifMatch !== `W/"${record.newest.number}"`) {
      this.conflicts += 1;
      return { kind: 'conflict', status: knows ? 412 : 409 };
    }
    const knownMs = this.commit(id, node, { ...record.newest.fields, ...fields });
    this.landed.push({ record: id, atMs: this.clock.monotonicMs(), knownMs });
    return { kind: 'done', status: 200, etag: `W/"${record.newest.number}"` };
  }

  /** Answers when every node knows of it. */
  private commit(id: string, node: number, fields: WriteRequest['fields']): number {
    const atMs = this.clock.monotonicMs();
    const known = learningTimes(this.caches, node, atMs, () => this.random.fraction());
    this.of(id).commit(fields, atMs, known);
    return Math.max(...known);
  }

  private of(id: string): ReplicatedRecord {
    const known = this.records.get(id);
    if (known) return known;
    const first = { number: 1, fields: {}, committedAt: -Infinity };
    const made = new ReplicatedRecord({ territoryId: '', id }, first, this.caches, 'everywhere');
    this.records.set(id, made);
    return made;
  }
}
