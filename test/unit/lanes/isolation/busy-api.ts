/** A territory API that takes its time, and on which single records make requests fail. */
import { sleep } from '../../../../srv/platform/clock.ts';
import type { Clock } from '../../../../srv/platform/clock.ts';
import type {
  ReadAnswer,
  ReadRequest,
  RecordRef,
  WriteAnswer,
  WriteRequest,
} from '../../../../srv/territory-api/port.ts';
import { SeededRandom } from '../../../sandbox/territory-api/seeded-random.ts';
import { PROMPT, TerritoryApiDouble } from '../../../doubles/territory-api.ts';

/** What a record with such a name does to the requests that it is part of. */
export type Badness =
  'fails writes' | 'fails reads and writes' | 'refuses writes' | 'fails' | 'refused' | 'missing';

export const BAD_NAMES: Readonly<Record<Badness, string>> = {
  'fails writes': 'fails-writes',
  'fails reads and writes': 'fails-all',
  'refuses writes': 'refuses-writes',
  fails: 'fails-alone',
  refused: 'refused-alone',
  missing: 'left-out',
};

/** Of a request, and of each record in it, give or take a quarter; a read of a record takes a tenth of a write. */
export interface Latency {
  readonly baseMs: number;
  readonly perRecordMs: number;
}

const FAILED = {
  kind: 'trouble',
  trouble: { reason: 'unavailable', status: 500, message: 'the API failed (500)' },
  sent: true,
} as const;

export class BusyApi extends TerritoryApiDouble {
  requests = 0;
  private readonly latency: Latency;
  private readonly random: SeededRandom;

  constructor(clock: Clock, latency: Latency, seed: number) {
    super(clock, PROMPT);
    this.latency = latency;
    this.random = new SeededRandom(seed, 'latency');
  }

  override async probe(): Promise<undefined> {
    await this.take(1, 0.1);
  }

  override async read(request: ReadRequest): Promise<ReadAnswer> {
    await this.take(request.records.length, 0.1);
    return holds(request.records, 'fails reads and writes') ? FAILED : super.read(request);
  }

  override async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    await this.take(requests.length, 1);
    if (holds(requests, 'fails writes') || holds(requests, 'fails reads and writes')) return FAILED;
    if (holds(requests, 'refuses writes')) return { kind: 'refused-whole', status: 400 };
    const wanted = requests.filter((request) => !isBad(request));
    const answer = wanted.length > 0 ? await super.write(wanted) : undefined;
    const good = (answer?.kind === 'answered' ? answer.records : []).values();
    return {
      kind: 'answered',
      records: requests.map((request) => {
        if (holds([request], 'fails')) return { kind: 'failed', status: 500 };
        if (holds([request], 'refused')) return { kind: 'refused', status: 400 };
        if (holds([request], 'missing')) return { kind: 'missing' };
        return good.next().value ?? { kind: 'missing' };
      }),
    };
  }

  private async take(records: number, share: number): Promise<void> {
    this.requests += 1;
    const { baseMs, perRecordMs } = this.latency;
    await sleep(this.clock, (baseMs + share * perRecordMs * records) * this.random.between(0.75, 1.25));
  }
}

function holds(refs: readonly RecordRef[], badness: Badness): boolean {
  return refs.some(({ id }) => id.startsWith(BAD_NAMES[badness]));
}

function isBad({ id }: RecordRef): boolean {
  return Object.values(BAD_NAMES).some((name) => id.startsWith(name));
}
