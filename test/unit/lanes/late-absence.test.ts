/**
 * A late node that does not know a new record yet calls it missing, when it is read and when it is deleted. Whole flights on such an
 * API, with as few and as short retries as can be set: the delete must not end before the record is gone.
 */
import { expect, test } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { outcomeOf } from '../../../srv/events/outcome.ts';
import type { EndChange } from '../../../srv/lanes/lane-report.ts';
import type { ReadAnswer, ReadRequest, WriteAnswer, WriteRequest } from '../../../srv/territory-api/port.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { PROMPT, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { flyUntil } from './fly-until.ts';
import { remove } from './samples.ts';

const T1 = 'NORTH/T1';
const PROPAGATION = { minMs: 2000, maxMs: 5000 };
/** Less than the caches may be late. */
const LATE_MS = 4900;

type Request = 'reads' | 'writes';

class LateApi extends TerritoryApiDouble {
  private readonly late: readonly Request[];
  private readonly knownAtMs: number;

  constructor(clock: ManualClock, late: readonly Request[], lateMs = LATE_MS) {
    super(clock, { ...PROMPT, freshReads: 'none', maxLagMs: PROPAGATION.maxMs });
    this.late = late;
    this.knownAtMs = clock.monotonicMs() + lateMs;
  }

  override async read(request: ReadRequest): Promise<ReadAnswer> {
    if (!this.isLate('reads')) return super.read(request);
    const records = request.records.map(() => ({ found: false as const }));
    return { kind: 'read', records, proof: false, cacheStatus: [] };
  }

  override async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    if (!this.isLate('writes')) return super.write(requests);
    return { kind: 'answered', records: requests.map(() => ({ kind: 'refused', status: 404 })) };
  }

  private isLate(what: Request): boolean {
    return this.late.includes(what) && this.clock.monotonicMs() < this.knownAtMs;
  }
}

/** Flies a delete of T1 until it has ended. */
async function deleteOn(api: LateApi, clock: ManualClock, limit: number) {
  const journal = new MemoryJournal({ clock });
  const ended: string[] = [];
  const endChange: EndChange = ({ position }, _, [result]) => {
    ended.push(result?.error?.code ?? result?.result ?? 'nothing');
    return { position, outcome: outcomeOf(result ? [result] : []), messages: [] };
  };
  const retry = { limit, firstDelayMs: 0, maxDelayMs: 0 };
  const deps = flightDeps({ api, journal, clock, endChange, rules: { retry, propagation: PROPAGATION } });
  const arrival = change('delete', 'NORTH');
  await appendNew(journal, [{ ...arrival, change: { ...arrival.change, assignments: [remove('T1')] } }]);
  await flyUntil(() => ended.length > 0, { journal, clock, deps });
  return ended.join();
}

const LATE: readonly (readonly Request[])[] = [['reads'], ['writes'], ['reads', 'writes']];

test.each(LATE.flatMap((late) => [0, 1, 5].map((limit) => ({ late, limit }))))(
  'a delete does not end while the record exists, though late nodes call it missing ($late, $limit retries)',
  async ({ late, limit }) => {
    const clock = new ManualClock();
    const api = new LateApi(clock, late);
    api.seed(T1, { owner: 'nobody' });
    expect(await deleteOn(api, clock, limit)).toBe('deleted');
    expect(api.history(T1).at(-1)).toBeUndefined();
  },
);

test('a delete of what reads show for longer than caches are late is refused by the API, not unchanged', async () => {
  const clock = new ManualClock();
  const api = new LateApi(clock, ['writes'], Infinity);
  api.seed(T1, { owner: 'nobody' });
  expect(await deleteOn(api, clock, 1)).toBe('UNKNOWN_ASSIGNMENT');
});

test('a delete of a record that is missing ends as unchanged, though nothing proves it', async () => {
  const clock = new ManualClock();
  for (const limit of [0, 5]) expect(await deleteOn(new LateApi(clock, []), clock, limit)).toBe('unchanged');
});
