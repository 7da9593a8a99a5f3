/** What is read again after a conflict is read past every cache, over HTTP in each protocol: whole flights against the simulator. */
import { afterEach, expect, it } from 'vitest';
import { MemoryJournal } from '../../srv/journal/memory/journal.ts';
import { fly } from '../../srv/lanes/flight.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { createTerritoryApi } from '../../srv/territory-api/index.ts';
import { startTerritoryApi, type SandboxTerritoryApi } from '../sandbox/territory-api/index.ts';
import { flightDeps } from '../doubles/flight-deps.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { silent } from '../doubles/silent-log.ts';
import { endChange } from '../unit/lanes/samples.ts';
import { appendNew, change } from './journal/samples.ts';

/** The longest wait after a first conflict. */
const WAIT_MS = 3000;

let sandbox: SandboxTerritoryApi | undefined;
afterEach(async () => {
  delete process.env['destinations'];
  await sandbox?.stop();
});

it.each(['rest', 'odata-v4', 'odata-v2', 'sales-cloud'] as const)(
  '%s: the first read may come from a cache, the one after a conflict may not, and the write goes with its ETag',
  async (protocol) => {
    const c4c = {
      odata: 'v2' as const,
      path: "/sap/c4c/odata/v1/c4codataapi/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam",
      serviceRoot: '/sap/c4c/odata/v1/c4codataapi',
    };
    sandbox = await startTerritoryApi({ caches: 'off', ...(protocol === 'odata-v2' && c4c) });
    const behind = sandbox;
    behind.seedRecords([{ territoryId: 'NORTH', id: 'T1', fields: { owner: 'nobody' } }]);
    process.env['destinations'] = JSON.stringify([behind.destination('TERRITORY_API')]);
    const api = createTerritoryApi(
      {
        destination: 'TERRITORY_API',
        protocol,
        key: 'id',
        keyType: 'string',
        fieldTypes: {},
        timeoutMs: 5000,
        freshValues: ['MISS'],
        propagationOff: true,
      },
      { clock: systemClock, log: silent },
    );
    const clock = new ManualClock();
    const journal = new MemoryJournal({ clock });
    const deps = flightDeps({
      api,
      journal,
      clock,
      endChange,
      rules: { propagation: { minMs: 0, maxMs: 0 } },
    });
    const flyOnce = async () => {
      const lanes = await journal.claim({ records: 50, leaseMs: 60_000 });
      expect(lanes).toHaveLength(1);
      await fly(lanes, 50, deps, () => true, new AbortController().signal);
    };
    const reads = () =>
      behind
        .requests()
        .filter(({ method, url }) => method === 'GET' && !url.includes('$metadata'))
        .map(({ headers }) => headers['cache-control']);

    await appendNew(journal, [change('first', 'NORTH')]);
    behind.faults.inject({ kind: 'record-status', status: 412, on: 'write', times: 1 });
    await flyOnce();
    expect(reads()).not.toContain('no-cache');
    const before = reads().length;
    expect(before).toBeGreaterThan(0);
    behind.foreignWrite('NORTH', 'T1', { phone: '1' });
    clock.advance(WAIT_MS);
    await flyOnce();
    expect(new Set(reads().slice(before))).toEqual(new Set(['no-cache']));
    expect(behind.record('NORTH', 'T1')?.fields).toMatchObject({ owner: 'first', phone: '1' });
  },
);
