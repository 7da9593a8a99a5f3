/** Real flights of one lane on an API double that keeps what it was asked. */
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { fly } from '../../../srv/lanes/flight.ts';
import type { ReadRequest, WriteRequest } from '../../../srv/territory-api/port.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { LATE, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { endChange } from './samples.ts';

class CountingApi extends TerritoryApiDouble {
  readonly reads: ReadRequest[] = [];
  readonly writes: (readonly WriteRequest[])[] = [];

  override async read(request: ReadRequest) {
    this.reads.push(request);
    return super.read(request);
  }

  override async write(requests: readonly WriteRequest[]) {
    this.writes.push(requests);
    return super.write(requests);
  }
}

/** One record, T1 in NORTH. */
export function flownWorld() {
  const clock = new ManualClock();
  const api = new CountingApi(clock, LATE);
  const journal = new MemoryJournal({ clock });
  api.seed('NORTH/T1', { owner: 'nobody' });
  const deps = flightDeps({ api, journal, clock, endChange, rules: { propagation: { minMs: 0, maxMs: 0 } } });
  const flyOnce = async () => {
    const lanes = await journal.claim({ records: 50, leaseMs: 60_000 });
    await fly(lanes, 50, deps, () => true, new AbortController().signal);
  };
  return { api, journal, flyOnce };
}
